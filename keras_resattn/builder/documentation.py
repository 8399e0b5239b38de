"""The docstrings of the named networks."""

from collections.abc import Iterable
from typing import NamedTuple

from keras_resattn.weights import list_weights


class Documentation(NamedTuple):
    """What fills in the docstring of a named network.

    Attributes:
        path: Where users find the network: `"keras_resattn.Attention56"`.
        title: The subject of the first line.
        text: The paragraph after it.
        reference: The paper, or the code, that defines the network.
        size: The default height and width of an image.
        minimum: The smallest height and width.
        weights: The description of `weights` if the network itself finds weights
            by name. Otherwise they are those of `list_weights`.
    """

    path: str
    title: str
    text: str
    reference: str
    size: int = 224
    minimum: int = 32
    weights: str = ""


DOCSTRING = """Instantiate {title}.

    {text}

    Example:

    >>> model = {path}()
    >>> model.predict(np.random.rand(2, {size}, {size}, 3)).shape
    (2, {classes})

    Args:
{arguments}

    Returns:
        A `keras.Model`.

    Raises:
        OSError: If the weights cannot be downloaded.
        ValueError: If an argument is out of its range, the input is too small
            or the weights do not fit.

    Reference: {reference}
    """

WEIGHTS = """`None` (random initialization); {names}the path to
            a weights file (`.weights.h5`, `.keras`, or `.npz` written by
            `keras_resattn.weights.save_packed`); or its address,
            `"https://..."` or `"hf://owner/repo/file"`, downloaded once. If an
            address ends in `#sha256=...`, the checksum is verified. If the
            classifier of the weights has another number of classes, only the
            body is loaded and the classifier stays random, with a warning."""

NAMES = """by name {names}
            (see `keras_resattn.weights.weights_info`); """

ARGUMENTS = {
    "include_top": """Boolean, whether to end with global average pooling and
            the classifier.""",
    "weights": "{weights}",
    "input_tensor": "Optional Keras tensor to use as image input.",
    "input_shape": """Optional shape of an image, `(height, width, channels)`.
            Height and width are {minimum} or more, or `None` for any size. Any
            number of channels. Defaults to `({size}, {size}, 3)`, and to
            `(None, None, 3)` if `include_top=False`.""",
    "pooling": """With `include_top=False`, how to pool the last map: `None`
            (not at all), `"avg"` or `"max"`.""",
    "classes": """Integer, the number of classes, if `include_top=True`. Defaults
            to {classes}.""",
    "classifier_activation": """The activation of the classifier, or `None` for
            logits, if `include_top=True`.""",
    "name": 'String, the name of the model. Defaults to `"{name}"`.',
    "attention": """`"residual"` (attention residual learning), `"naive"` (naive
            attention learning) or `"none"` (only the trunk branches).""",
    "mask_activation": """`"mixed"`, `"channel"` or `"spatial"`, see
            `keras_resattn.layers.SoftMaskBranch`.""",
    "mask_structure": """`"encoder_decoder"` (bottom-up, top-down) or `"local"`
            (units at full resolution).""",
    "remat": """Boolean, whether to compute the maps inside of units and masks
            again for the gradients. Training then needs less memory and more
            time, with the same results.""",
    "p": """Integer, the number of units before and after the two branches of an
            attention module. Defaults to {p}.""",
    "t": "Integer, the number of units of a trunk branch. Defaults to {t}.",
    "r": """Integer, the number of units between two poolings or resizes of a
            soft mask branch. Defaults to {r}.""",
    "unit": """The basic unit: `"pre_activation"`, `"resnext"`, `"inception"` or a
            Keras layer class, see `keras_resattn.ResidualAttentionNetwork`.
            Defaults to `"{unit}"`.""",
    "width_multiplier": """Float, a factor for the filters of stem and stages. The
            results are rounded to multiples that the unit allows.""",
    "stochastic_depth": """Float, the probability with which a sample skips the
            branch of a unit of the last stage in training. It grows with the
            depth, and is 0 in the masks.""",
    "dropout": """Float, the rate of dropout before the classifier, if
            `include_top=True`.""",
    "stages": """A list of `keras_resattn.Stage`, first to last. Defaults to the
            table of this network. With other stages or another stem, the smallest
            height and width may differ.""",
    "stem": """The layers before the stages: `"imagenet"` (7x7 convolution of stride 2
            and max pooling) or `"cifar"` (3x3 convolution of stride 1). Defaults to
            `"{stem}"`.""",
}


def docstring(
    documentation: Documentation, name: str, defaults: dict[str, object]
) -> str:
    """Return the docstring of a named network.

    Args:
        documentation: Its `Documentation`.
        name: Its name, as in `keras_resattn.list_models`.
        defaults: The default of each of its arguments.
    """
    values = {
        **defaults,
        **documentation._asdict(),
        "weights": documentation.weights or _weights(list_weights(name)),
    }
    lines = [f"        {argument}: {ARGUMENTS[argument]}" for argument in defaults]
    arguments = "\n".join(lines).format(**values)
    return DOCSTRING.format(arguments=arguments, **values)


def _weights(known: Iterable[str]) -> str:
    names = (",\n" + 12 * " ").join(f'`"{name}"`' for name in known)
    return WEIGHTS.format(names=NAMES.format(names=names) if names else "")
