"""Attention as arrays: masks, and features before and after them."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import keras

from keras_resattn.explain.gradients import class_gradients
from keras_resattn.explain.inputs import as_array
from keras_resattn.explain.inputs import as_classes
from keras_resattn.explain.reader import batches_of
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.reader import feature_tensors
from keras_resattn.explain.reader import joined
from keras_resattn.explain.reader import mean_masks_of
from keras_resattn.explain.reader import reader
from keras_resattn.explain.triptych import Triptych
from keras_resattn.explain.triptych import join_triptychs
from keras_resattn.explain.triptych import triptych_of
from keras_resattn.typing import Array
from keras_resattn.views.modules import attention_modules
from keras_resattn.views.outputs import with_output


def masks(model: keras.Model, inputs: Array, batch_size: int = 32) -> dict[str, Array]:
    """Compute the attention masks of images.

    Example:

    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> inputs = keras_resattn.cifar.preprocess_input(images)  # (2, 32, 32, 3)
    >>> {name: mask.shape for name, mask in masks(model, inputs).items()}
    {'stage1_attention1': (2, 32, 32, 64),
     'stage2_attention1': (2, 16, 16, 128),
     'stage3_attention1': (2, 8, 8, 256)}

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        batch_size: Integer, images per batch.

    Returns:
        A dictionary from the name of each attention module, in the order of the
        network, to a float32 array `(N, h, w, C)` with values in 0 to 1 (-1 to 1
        if the mask's activation is `"channel"`).

    Raises:
        ValueError: If `model` has no attention module, or there are no images.
    """
    return joined(iter_masks(model, batches_of(inputs, batch_size), mean=False))


def mean_masks(
    model: keras.Model, inputs: Array, batch_size: int = 32
) -> dict[str, Array]:
    """Compute the attention masks of images, averaged over the channels.

    The signature `attention` of an exported model returns the same masks.

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        batch_size: Integer, images per batch.

    Returns:
        A dictionary from the name of each attention module to a float32 array
        `(N, h, w)` with values in 0 to 1.

    Raises:
        ValueError: If `model` has no attention module, or there are no images.
    """
    return joined(iter_masks(model, batches_of(inputs, batch_size)))


def iter_masks(
    model: keras.Model, batches: Iterable[Array], mean: bool = True
) -> Iterator[dict[str, Array]]:
    """Yield the attention masks of batches. One batch is in memory at a time.

    Example:

    >>> for masks in iter_masks(model, batches):
    ...     print(masks["stage1_attention1"].mean())

    Args:
        model: A functional `keras.Model` with attention modules.
        batches: An iterable of float32 arrays `(N, H, W, C)`, standardized as
            for `model`.
        mean: Boolean, whether to average over the channels.

    Yields:
        For each batch a dictionary from the name of each attention module to a
        float32 array, `(N, h, w)` or, without `mean`, `(N, h, w, C)`.

    Raises:
        ValueError: If `model` has no attention module.
    """
    modules = attention_modules(model)
    tensors = {name: module.mask for name, module in modules.items()}
    return map(reader(model, mean_masks_of(modules) if mean else tensors), batches)


def feature_triptych(
    model: keras.Model,
    inputs: Array,
    module: str,
    channel: str | int = "variance",
    classes: int | Sequence[int] | Array | None = None,
    batch_size: int = 32,
    output: str | None = None,
) -> Triptych:
    """Compute a feature before its mask, the mask, and the feature after it.

    These are the three maps of the paper's figure 1, for one channel per image.

    Example:

    >>> triptych = feature_triptych(model, inputs, "stage1_attention1")
    >>> triptych.mask.shape, triptych.channels
    ((2, 32, 32), array([17, 40]))
    >>> triptych_figure(images, triptych).savefig("figure_1.png")

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        module: String, the name of an attention module.
        channel: An integer, the index of the channel for all images. Or the rule
            that chooses a channel for each image, see `channel_scores`:
            `"energy"` (mask times feature), `"variance"`, `"mean"` or `"max"` (of
            the mask), `"gradient"` (effect of the mask on a class). Or `"all"`:
            the mean over all channels.
        classes: With `"gradient"`: the class, an integer for all images or one
            integer per image. Defaults to the most probable class of each image.
        batch_size: Integer, images per batch.
        output: With `"gradient"`: the name of the output with the classes, if `model`
            has several.

    Returns:
        A `Triptych`.

    Raises:
        ValueError: If `model` has no attention module with this name, there is no
            such channel or rule, or there are no images.
    """
    if channel == "gradient":
        model = with_output(model, output)
    modules = choose_modules(attention_modules(model), [module])
    gradients = class_gradients(model, modules) if channel == "gradient" else {}
    read = reader(model, feature_tensors(modules))
    inputs = inputs if classes is None else as_array(inputs)
    each = None if classes is None else as_classes(classes, len(inputs))
    parts: list[Triptych] = []
    start = 0
    for batch in batches_of(inputs, batch_size):
        chosen = None if each is None else each[start : start + len(batch)]
        parts.append(triptych_of(read(batch), module, channel, gradients, chosen))
        start += len(batch)
    return join_triptychs(parts)
