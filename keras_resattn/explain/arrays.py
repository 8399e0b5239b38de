"""Arrays of attention: masks, and features before and after them."""

from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.explain.channels import ALL
from keras_resattn.explain.channels import INDEX
from keras_resattn.explain.channels import choose_channels
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules


class Triptych(NamedTuple):
    """A feature before its mask, the mask, and the feature after it.

    Attributes:
        before: A float32 array `(N, h, w)`, what the trunk branch gives.
        mask: A float32 array `(N, h, w)`, the mask, 0 to 1.
        after: A float32 array `(N, h, w)`, both fused.
        module: The name of the attention module.
        channels: An int64 array `(N,)`, the channel of each image; `None` if
            the maps are means over all channels.
        rule: What chose the channels: `"energy"`, `"variance"`, `"mean"`,
            `"max"`, `"gradient"`, `"index"` or `"all"`.
    """

    before: np.ndarray
    mask: np.ndarray
    after: np.ndarray
    module: str
    channels: np.ndarray | None
    rule: str


class Features(NamedTuple):
    """All channels: what trunk, mask and their fusion give, `(N, h, w, C)`."""

    before: np.ndarray
    mask: np.ndarray
    after: np.ndarray


def masks(model, inputs, batch_size=32):
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
        batch_size: Integer, how many images to compute at a time.

    Returns:
        A dictionary from the name of each attention module, in the network's
        order, to a float32 array `(N, h, w, C)` with values in 0 to 1 (-1 to 1
        if the mask's activation is `"channel"`).

    Raises:
        ValueError: If `model` has no attention module, or there are no images.
    """
    return _joined(iter_masks(model, batches_of(inputs, batch_size), mean=False))


def mean_masks(model, inputs, batch_size=32):
    """Compute the attention masks of images, mean over the channels.

    They are what the signature `attention` of an exported model gives.

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        batch_size: Integer, how many images to compute at a time.

    Returns:
        A dictionary from the name of each attention module to a float32 array
        `(N, h, w)` with values in 0 to 1.

    Raises:
        ValueError: If `model` has no attention module, or there are no images.
    """
    return _joined(iter_masks(model, batches_of(inputs, batch_size)))


def iter_masks(model, batches, mean=True):
    """Yield the attention masks of batches, one batch in memory at a time.

    Example:

    >>> for masks in iter_masks(model, batches):
    ...     print(masks["stage1_attention1"].mean())

    Args:
        model: A functional `keras.Model` with attention modules.
        batches: An iterable of float32 arrays `(N, H, W, C)`, standardized as
            for `model`.
        mean: Boolean, whether to take the mean over the channels.

    Yields:
        For each batch a dictionary from the name of each attention module to a
        float32 array, `(N, h, w)` or, without `mean`, `(N, h, w, C)`.

    Raises:
        ValueError: If `model` has no attention module.
    """
    tensors = {name: part.mask for name, part in attention_modules(model).items()}
    if mean:
        tensors = {name: channel_mean(mask) for name, mask in tensors.items()}
    return map(reader(model, tensors), batches)


def feature_triptych(
    model, inputs, module, channel="energy", classes=None, batch_size=32
):
    """Compute a feature before its mask, the mask, and the feature after it.

    The three maps of the paper's figure 1, of one channel, for each image.

    Example:

    >>> triptych = feature_triptych(model, inputs, "stage1_attention1")
    >>> triptych.mask.shape, triptych.channels
    ((2, 32, 32), array([17, 40]))
    >>> triptych_figure(images, triptych).savefig("figure_1.png")

    Args:
        model: A functional `keras.Model` with attention modules.
        inputs: A float32 array `(N, H, W, C)`, standardized as for `model`.
        module: String, the name of an attention module.
        channel: The channel's index, an integer, for all images; or the rule
            that chooses one for each image: `"energy"` (mask times feature),
            `"variance"`, `"mean"` or `"max"` (of the mask), `"gradient"` (what
            the mask does for a class), see `channel_scores`; or `"all"`: the
            mean over all channels.
        classes: With `"gradient"`: an integer, or an array of one an image,
            the class. Defaults to each image's most probable one.
        batch_size: Integer, how many images to compute at a time.

    Returns:
        A `Triptych`.

    Raises:
        ValueError: If `model` has no attention module, none of that name, no
            such channel or rule, or there are no images.
    """
    features = feature_tensors(model, [module])
    gradients = class_gradients(model, [module]) if channel == "gradient" else {}
    read = reader(model, features)
    classes = None if classes is None else np.broadcast_to(classes, len(inputs))
    parts, start = [], 0
    for batch in batches_of(inputs, batch_size):
        chosen = None if classes is None else classes[start : start + len(batch)]
        parts.append(triptych_of(read(batch), module, channel, gradients, chosen))
        start += len(batch)
    return join_triptychs(parts)


# === What these share, and the explanations of batches ===


def triptych_of(arrays, module, channel, gradients, classes):
    """Return the `Triptych` of a batch.

    Args:
        arrays: What the reader of `feature_tensors` gives.
        module: The name of the module.
        channel: See `feature_triptych`.
        gradients: With the rule `"gradient"`: what `class_gradients` gives.
        classes: Integers, one an image, or `None`.
    """
    features = Features(*(arrays[f"{module}/{part}"] for part in Features._fields))
    if isinstance(channel, str) and channel == ALL:
        return Triptych(*(part.mean(axis=-1) for part in features), module, None, ALL)
    gradient = gradients[module](features.after, classes) if gradients else None
    channels = choose_channels(features.before, features.mask, channel, gradient)
    indices = channels[:, None, None, None]
    maps = (np.take_along_axis(part, indices, -1)[..., 0] for part in features)
    rule = channel if isinstance(channel, str) else INDEX
    return Triptych(*maps, module, channels, rule)


def join_triptychs(parts):
    """Return the triptychs of several batches as one."""
    first = parts[0]
    maps = (np.concatenate([part[i] for part in parts]) for i in range(3))
    channels = None
    if first.channels is not None:
        channels = np.concatenate([part.channels for part in parts])
    return Triptych(*maps, first.module, channels, first.rule)


def feature_tensors(model, names):
    """Return the tensors of modules' features: `"<module>/before"` and so on."""
    modules = attention_modules(model)
    tensors = {}
    for name in names:
        check_module(name, modules)
        tensors |= {
            f"{name}/{part}": tensor
            for part, tensor in zip(Features._fields, modules[name], strict=True)
        }
    return tensors


def check_module(name, modules):
    """Raise a `ValueError` if a module's name is none of `modules`."""
    if name not in modules:
        raise ValueError(
            f"This model's attention modules are {', '.join(modules)}; choose one of "
            f"them. Received: module={name!r}"
        )


def channel_mean(tensor):
    """Return the float32 mean of a tensor of a graph over its channels."""
    first = keras.config.image_data_format() == "channels_first"
    return keras.ops.mean(keras.ops.cast(tensor, "float32"), 1 if first else -1)


def reader(model, tensors):
    """Return a function from a batch of images to tensors of a model's graph.

    Args:
        model: A functional `keras.Model`.
        tensors: A dictionary of tensors of its graph.

    Returns:
        A function: a batch -> a dictionary of float32 arrays with the same
        names, channels last.
    """
    first = keras.config.image_data_format() == "channels_first"
    outputs = {
        name: keras.ops.transpose(x, (0, 2, 3, 1)) if first and x.ndim == 4 else x
        for name, x in tensors.items()
    }
    outputs = {name: keras.ops.cast(x, "float32") for name, x in outputs.items()}
    network = keras.Model(flattened(model).input, outputs)

    def read(batch):
        arrays = network.predict_on_batch(checked(batch))
        return {name: np.asarray(arrays[name], "float32") for name in tensors}

    return read


def batches_of(inputs, batch_size):
    """Yield the batches of an array of images."""
    batch_size = positive_integer("batch_size", batch_size)
    inputs = checked(inputs)
    for start in range(0, len(inputs), batch_size):
        yield inputs[start : start + batch_size]


def checked(inputs):
    """Return a batch as a float32 array, or raise an error that says what it is."""
    inputs = np.asarray(inputs, "float32")
    if inputs.ndim != 4 or not len(inputs):
        raise ValueError(
            "Images are a batch (N, H, W, C) of at least one; add the first axis to a "
            f"single image: image[None]. Received: an array of shape {inputs.shape}"
        )
    return inputs


def _joined(batches):
    batches = list(batches)
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
