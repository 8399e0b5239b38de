"""The networks for small images by name. The tables are the architecture."""

import functools

import keras
import numpy as np

from keras_resattn.builder.named import named_attention_network
from keras_resattn.builder.network import PAPER
from keras_resattn.builder.network import ResidualAttentionNetwork
from keras_resattn.builder.stages import Stage

LABELS = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())

# Of CIFAR-10's 50,000 training images: all pixels of a channel (red, green,
# blue), from 0 to 255. `weights="cifar10"` were trained on images standardized so.
MEAN = (125.307, 122.950, 113.865)
STD = (62.993, 62.089, 66.705)


def stages(modules):
    """Return the table of stages with the same number of modules in each."""
    return (
        Stage(filters=64, strides=1, modules=modules, mask_depth=3, closing_units=1),
        Stage(filters=128, strides=2, modules=modules, mask_depth=2, closing_units=1),
        Stage(filters=256, strides=2, modules=modules, mask_depth=1, closing_units=1),
    )


def _cifar(depth, modules, p=1, t=2, r=1):
    return named_attention_network(
        functools.partial(
            ResidualAttentionNetwork,
            stages(modules),
            stem="cifar",
            p=p,
            t=t,
            r=r,
            default_size=32,
        ),
        path=f"keras_resattn.cifar.Attention{depth}",
        name=f"cifar_attention{depth}",
        classes=10,
        size=32,
        minimum=8,
        title=f"Attention-{depth} for small images, such as CIFAR's",
        text="No definition of it was published: this one is a reconstruction, see\n"
        "    docs/fidelity.md.",
        reference=f"{PAPER}, section 4.1.",
    )


Attention56 = _cifar(56, modules=1)
Attention92 = _cifar(92, modules=2)
Attention128 = _cifar(128, modules=3)
Attention164 = _cifar(164, modules=4)
Attention236 = _cifar(236, modules=6)
Attention452 = _cifar(452, modules=6, p=2, t=4, r=3)


def preprocess_input(x, data_format=None):
    """Standardizes images as those that `weights="cifar10"` were trained on.

    Each channel less its mean over CIFAR-10's training images, (125.307,
    122.950, 113.865), over its standard deviation, (62.993, 62.089, 66.705).

    Example:

    >>> images = np.full((2, 32, 32, 3), 255, "uint8")
    >>> x = keras_resattn.cifar.preprocess_input(images)
    >>> x.shape, x.dtype
    ((2, 32, 32, 3), dtype('float32'))

    Args:
        x: A NumPy array or a tensor of RGB pixel values, 0 to 255, of any
            type: one image or a batch. It is not changed.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            Keras' `image_data_format`.

    Returns:
        An array or a tensor of the same shape, of Keras' `floatx` (float32).

    Raises:
        ValueError: If `data_format` is neither or there are not 3 channels.
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
            "`preprocess_input` takes an RGB image or a batch of them, with 3 "
            f"channels ({data_format}). Received: an array of shape {tuple(x.shape)}"
        )
    floatx = keras.config.floatx()
    channels = (3,) if axis == -1 else (3, 1, 1)
    mean, std = (np.reshape(v, channels).astype(floatx) for v in (MEAN, STD))
    if isinstance(x, np.ndarray):
        return (x.astype(floatx) - mean) / std
    return keras.ops.divide(keras.ops.subtract(keras.ops.cast(x, floatx), mean), std)


def decode_predictions(preds, top=5):
    """Decodes the predictions of a network with CIFAR-10's classes.

    Example:

    >>> probabilities = np.eye(10)[[3]]
    >>> keras_resattn.cifar.decode_predictions(probabilities, top=1)
    [[(3, 'cat', 1.0)]]

    Args:
        preds: A NumPy array or a tensor `(N, 10)` of probabilities or logits.
        top: Integer, how many classes to give for each image.

    Returns:
        A list for each image of tuples `(class_index, label, score)`, the
        highest score first. (Those of `keras.applications` begin with a
        WordNet id, which CIFAR-10's classes do not have.)

    Raises:
        ValueError: If `preds` is of another shape.
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
