"""How much attention modules amplify features, position by position."""

from collections.abc import Iterable
from collections.abc import Iterator

import keras

from keras_resattn.explain.reader import Modules
from keras_resattn.explain.reader import batches_of
from keras_resattn.explain.reader import joined
from keras_resattn.explain.reader import reader
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor
from keras_resattn.views.modules import attention_modules


def amplification(
    model: keras.Model, inputs: Array, batch_size: int = 32
) -> dict[str, Array]:
    """Compute how much each attention module amplifies the features of images.

    At each position this is the length of the feature after the mask, divided by the
    length of the feature before it. With attention residual learning that is
    `sqrt(sum(((1 + M) * F) ** 2) / sum(F ** 2))`, with naive attention learning
    `sqrt(sum((M * F) ** 2) / sum(F ** 2))`. The sums are over the channels. Each
    channel counts as much as it contributes to the feature; in the mean mask all
    channels count the same.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> inputs = keras_resattn.cifar.preprocess_input(images)  # (2, 32, 32, 3)
    >>> maps = amplification(model, inputs)
    >>> {name: values.shape for name, values in maps.items()}
    {'stage1_attention1': (2, 32, 32),
     'stage2_attention1': (2, 16, 16),
     'stage3_attention1': (2, 8, 8)}

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        batch_size: Integer, images per batch.

    Returns:
        A dictionary from the name of each attention module to a float32 array
        `(N, h, w)`. With attention residual learning and masks from 0 to 1 its values
        are from 1 to 2, with naive attention learning from 0 to 1. They are NaN
        where the feature before the mask is 0 in all channels.

    Raises:
        ValueError: If `model` has no attention module, or there are no images.
    """
    return joined(iter_amplification(model, batches_of(inputs, batch_size)))


def iter_amplification(
    model: keras.Model, batches: Iterable[Array]
) -> Iterator[dict[str, Array]]:
    """Yield the `amplification` of batches. One batch is in memory at a time.

    Args:
        model: A functional `keras.Model` with attention modules.
        batches: An iterable of float32 arrays `(N, H, W, C)`, standardized as
            for `model`.

    Raises:
        ValueError: If `model` has no attention module.
    """
    return map(reader(model, amplification_of(attention_modules(model))), batches)


def amplification_of(modules: Modules) -> dict[str, Tensor]:
    """Return the amplification of each module, as tensors of the model's graph."""
    first = keras.config.image_data_format() == "channels_first"
    axis = 1 if first else -1
    return {
        name: _length(tensors.fused, axis) / _length(tensors.trunk, axis)
        for name, tensors in modules.items()
    }


def _length(feature: Tensor, axis: int) -> Tensor:
    squares = keras.ops.square(keras.ops.cast(feature, "float32"))
    return keras.ops.sqrt(keras.ops.sum(squares, axis))
