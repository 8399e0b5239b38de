"""How a network gets a name: a function with the arguments of keras.applications."""

from keras_resattn.weights import find_weights
from keras_resattn.weights import list_weights

WEIGHTS = """`None` (random initialization); {names}the path to
            a weights file (`.weights.h5`, `.keras`, or `.npz` by
            `keras_resattn.weights.save_packed`) to be loaded; or its address,
            `"https://..."` or `"hf://owner/repo/file"`, downloaded once. An
            address may end in `#sha256=...`, which is then checked. If the
            classifier of the weights has another number of classes, the body
            is loaded and the classifier stays random, with a warning."""

NAMES = """by name {names}
            (`keras_resattn.weights.weights_info` tells of them); """

ATTENTION_ARGUMENTS = """
        attention: `"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (trunk branches alone).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (bottom-up, top-down) or `"local"`
            (units at full resolution).
        remat: Boolean, whether a training keeps only the inputs of units and
            masks, and computes what is inside again for the gradients: less
            memory, more time, the same results."""

DOCSTRING = """Instantiates {title}.

    {text}

    Example:

    >>> model = {path}()
    >>> model.predict(np.random.rand(2, {size}, {size}, 3)).shape
    (2, {classes})

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: {weights}
        input_tensor: Optional Keras tensor to use as image input.
        input_shape: Optional shape of an image, `(height, width, channels)`,
            {minimum} or more in height and width, which may be `None`; any
            number of channels. Defaults to `({size}, {size}, 3)`, and to
            `(None, None, 3)` if `include_top=False`.
        pooling: With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.
        classes: Integer, the number of classes, if `include_top=True`.
        classifier_activation: The activation of the classifier, or `None` for
            logits, if `include_top=True`.
        name: String, the name of the model.{more}

    Returns:
        A `keras.Model`.

    Raises:
        OSError: If the weights cannot be downloaded.
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: {reference}
    """


def named_network(build, path, name, classes=1000, weights=None, **documentation):
    """Return the function that instantiates a network by its name.

    Args:
        build: A function of the arguments of keras.applications.
        path: Where the function is found, such as `"keras_resattn.Attention56"`.
        name: The default name of the model.
        classes: The default number of classes.
        weights: What documents the argument `weights`, if `build` itself finds
            weights by name; `None` if they are those of `list_weights(name)`.
        **documentation: What fills in `DOCSTRING`: `title`, `text`,
            `reference`; and `size`, `minimum`, `more` if they are not the
            usual.
    """
    known_as, documented_weights = name, weights

    def network(
        include_top=True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=classes,
        classifier_activation="softmax",
        name=name,
    ):
        return build(
            include_top=include_top,
            weights=weights if documented_weights else find_weights(weights, known_as),
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    return _documented(
        network,
        path,
        classes=classes,
        weights=documented_weights or _weights(name),
        **documentation,
    )


def named_attention_network(build, path, name, classes=1000, **documentation):
    """Return the same for a network with attention modules, and their arguments."""
    known_as = name

    def network(
        include_top=True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=classes,
        classifier_activation="softmax",
        name=name,
        attention="residual",
        mask_activation="mixed",
        mask_structure="encoder_decoder",
        remat=False,
    ):
        architecture = {
            "attention": attention,
            "mask_activation": mask_activation,
            "mask_structure": mask_structure,
        }
        return build(
            include_top=include_top,
            weights=find_weights(weights, known_as, **architecture),
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
            remat=remat,
            **architecture,
        )

    return _documented(
        network,
        path,
        classes=classes,
        weights=_weights(name),
        more=ATTENTION_ARGUMENTS,
        **documentation,
    )


def _weights(name):
    """Return the documentation of `weights` for the network of this name."""
    known = (",\n" + 12 * " ").join(f'`"{known}"`' for known in list_weights(name))
    return WEIGHTS.format(names=NAMES.format(names=known) if known else "")


def _documented(network, path, **documentation):
    usual = {"size": 224, "minimum": 32, "more": ""}
    network.__module__, network.__name__ = path.rsplit(".", 1)
    network.__qualname__ = network.__name__
    network.__doc__ = DOCSTRING.format(path=path, **{**usual, **documentation})
    return network
