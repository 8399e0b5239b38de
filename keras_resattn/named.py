"""How a network gets a name: a function with the arguments of keras.applications."""

from keras_resattn.network import STEMS
from keras_resattn.network import ResidualAttentionNetwork
from keras_resattn.stages import smallest_size

DOCSTRING = """Instantiates {title}.

    {text}

    Example:

    >>> model = {path}()
    >>> model.predict(np.random.rand(2, {size}, {size}, 3)).shape
    (2, {classes})

    Args:
        include_top: Boolean, whether to end with global average pooling and
            the classifier.
        weights: `None` (random initialization) or the path to a weights file
            (`.weights.h5` or `.keras`) to be loaded.
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
        name: String, the name of the model.
        attention: `"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (trunk branches alone).
        mask_activation: `"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.
        mask_structure: `"encoder_decoder"` (bottom-up, top-down) or `"local"`
            (units at full resolution).

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: Wang et al., Residual Attention Network for Image
    Classification, CVPR 2017 (https://arxiv.org/abs/1704.06904), {section}.
    """


def named_network(path, title, text, section, name, classes, stages, **architecture):
    """Return the function that instantiates a network by its name.

    Args:
        path: Where the function is found, such as `"keras_resattn.Attention56"`.
        title: What the paper calls the network.
        text: What its users should know, a sentence or two.
        section: Where the paper has it.
        name: The default name of the model.
        classes: The default number of classes.
        stages: The table of stages.
        **architecture: Further arguments of `ResidualAttentionNetwork`.
    """

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
    ):
        return ResidualAttentionNetwork(
            stages,
            **architecture,
            attention=attention,
            mask_activation=mask_activation,
            mask_structure=mask_structure,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    stem = STEMS[architecture.get("stem", "imagenet")]
    module, network.__name__ = path.rsplit(".", 1)
    network.__qualname__ = network.__name__
    network.__module__ = module
    network.__doc__ = DOCSTRING.format(
        path=path,
        title=title,
        text=text,
        section=section,
        classes=classes,
        size=architecture.get("default_size", 224),
        minimum=smallest_size(stages, stem.strides),
    )
    return network
