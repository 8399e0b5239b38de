"""The networks for small images by name. The tables are the architecture."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import keras
import numpy as np

from keras_resattn.builder.documentation import Documentation
from keras_resattn.builder.named import named
from keras_resattn.builder.network import PAPER
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.signatures import attention_network
from keras_resattn.builder.stages import Stage
from keras_resattn.typing import Tensor

P = ParamSpec("P")

LABELS = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())

# Per channel (red, green, blue), over the pixels, 0 to 255, of CIFAR-10's 50,000
# training images. The training of `weights="cifar10"` used them.
MEAN = (125.307, 122.950, 113.865)
STD = (62.993, 62.089, 66.705)


def stages(modules: int) -> tuple[Stage, ...]:
    """Return the table of stages with the same number of modules in each."""
    return (
        Stage(filters=64, strides=1, modules=modules, mask_depth=3, closing_units=1),
        Stage(filters=128, strides=2, modules=modules, mask_depth=2, closing_units=1),
        Stage(filters=256, strides=2, modules=modules, mask_depth=1, closing_units=1),
    )


def _cifar(
    signature: Callable[P, keras.Model], depth: int, modules: int, **defaults: object
) -> Callable[P, keras.Model]:
    documentation = Documentation(
        path=f"keras_resattn.cifar.Attention{depth}",
        title=f"Attention-{depth} for small images, such as those of CIFAR-10",
        text="""The authors published no definition of it. This is a reconstruction,
    see docs/fidelity.md.""",
        reference=f"{PAPER}, section 4.1.",
        size=32,
        minimum=8,
    )
    build = functools.partial(ResidualAttentionNetwork, default_size=32)
    name = f"cifar_attention{depth}"
    own = {"classes": 10, "stages": stages(modules), "stem": "cifar", **defaults}
    return named(signature, build, name, documentation, **own)


Attention56 = _cifar(attention_network, 56, modules=1)
Attention92 = _cifar(attention_network, 92, modules=2)
Attention128 = _cifar(attention_network, 128, modules=3)
Attention164 = _cifar(attention_network, 164, modules=4)
Attention236 = _cifar(attention_network, 236, modules=6)
Attention452 = _cifar(attention_network, 452, modules=6, p=2, t=4, r=3)


def preprocess_input(x: Tensor, data_format: str | None = None) -> Tensor:
    """Standardize images as in the training of `weights="cifar10"`.

    Subtract from each channel its mean over CIFAR-10's training images, (125.307,
    122.950, 113.865), and divide by its standard deviation, (62.993, 62.089,
    66.705).

    Example:

    >>> images = np.full((2, 32, 32, 3), 255, "uint8")
    >>> x = keras_resattn.cifar.preprocess_input(images)
    >>> x.shape, x.dtype
    ((2, 32, 32, 3), dtype('float32'))

    Args:
        x: A NumPy array or a tensor of RGB pixel values, 0 to 255, of any dtype:
            one image or a batch. It is not changed.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            Keras' `image_data_format`.

    Returns:
        An array or a tensor of the same shape, with Keras' `floatx` (float32) as
        dtype.

    Raises:
        ValueError: If `data_format` is neither, or there are not 3 channels.
    """
    data_format = data_format or keras.config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be 'channels_last' or 'channels_first'. "
            f"Received: data_format={data_format}"
        )
    axis = -1 if data_format == "channels_last" else -3
    if len(x.shape) not in (3, 4) or x.shape[axis] != 3:
        raise ValueError(
            "`preprocess_input` takes an RGB image or a batch of RGB images, with 3 "
            f"channels ({data_format}). Received: an array of shape {tuple(x.shape)}"
        )
    floatx = keras.config.floatx()
    channels = (3,) if axis == -1 else (3, 1, 1)
    mean, std = (np.reshape(v, channels).astype(floatx) for v in (MEAN, STD))
    if isinstance(x, np.ndarray):
        return (x.astype(floatx) - mean) / std
    return keras.ops.divide(keras.ops.subtract(keras.ops.cast(x, floatx), mean), std)


def decode_predictions(
    preds: Tensor, top: int = 5
) -> list[list[tuple[int, str, float]]]:
    """Decode the predictions of a network with CIFAR-10's classes.

    Example:

    >>> probabilities = np.eye(10)[[3]]
    >>> keras_resattn.cifar.decode_predictions(probabilities, top=1)
    [[(3, 'cat', 1.0)]]

    Args:
        preds: A NumPy array or a tensor `(N, 10)` of probabilities or logits.
        top: Integer, the number of classes to return per image.

    Returns:
        Per image, a list of tuples `(class_index, label, score)`, highest score
        first. (In `keras.applications` tuples begin with a WordNet id, which
        CIFAR-10's classes do not have.)

    Raises:
        ValueError: If `preds` has another shape.
    """
    if len(preds.shape) != 2 or preds.shape[1] != len(LABELS):
        raise ValueError(
            "`decode_predictions` takes a batch of predictions, of shape "
            f"(samples, {len(LABELS)}). "
            f"Received: an array of shape {tuple(preds.shape)}"
        )
    preds = keras.ops.convert_to_numpy(preds)
    return [
        [(int(i), LABELS[i], float(scores[i])) for i in np.argsort(-scores)[:top]]
        for scores in preds
    ]
