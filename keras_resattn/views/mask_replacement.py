"""What do the masks do? The same network with other masks."""

import keras
import numpy as np
from keras import ops

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.attention import Fusion
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.views.modules import attention_modules

MODES = ("ones", "mean", "shuffled_channels", "other_image")


@keras.saving.register_keras_serializable(package="keras_resattn")
class MaskReplacement(keras.layers.Layer):
    """A mask put in the place of another.

    Args:
        mode: `"ones"`, `"mean"` or `"shuffled_channels"`, see `with_masks`.
        seed: Integer, which permutation `"shuffled_channels"` takes.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A mask `(N, H, W, C)`. The result has the same shape.
    """

    def __init__(self, mode, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.mode = choice("mode", mode, MODES[:3])
        self.seed = seed
        self.data_format = keras.config.image_data_format()

    def call(self, inputs):
        if self.mode == "ones":
            return ops.ones_like(inputs)
        if self.mode == "mean":
            mean = ops.mean(inputs, axis=(1, 2, 3), keepdims=True)
            return ops.broadcast_to(mean, ops.shape(inputs))
        axis = channel_axis(self.data_format)
        rng = np.random.default_rng(self.seed)
        return ops.take(inputs, rng.permutation(inputs.shape[axis]), axis=axis)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "seed": self.seed}


def with_masks(model, mode, seed=0, modules=None):
    """Returns `model` with the masks of its attention modules replaced.

    What do the masks do? Compare the accuracy of `model` with that of the same
    weights under other masks. The layers are shared with `model`, so that the
    weights stay the same; the masks of later modules are those of the features
    that the replaced masks lead to.

    Example:

    >>> model = keras_resattn.cifar.Attention56()
    >>> images, others = np.random.rand(2, 4, 32, 32, 3)
    >>> keras_resattn.with_masks(model, "ones").predict(images).shape
    (4, 10)
    >>> keras_resattn.with_masks(model, "other_image").predict([images, others]).shape
    (4, 10)

    Args:
        model: A functional `keras.Model` with attention modules.
        mode: What takes the place of each mask:
            `"ones"`: 1, everywhere.
            `"mean"`: its mean over positions and channels, for each image.
            `"shuffled_channels"`: itself with its channels permuted.
            `"other_image"`: the mask that `model` has at that place for
            another image; the model returned takes two batches, images and
            others.
        seed: Integer, which permutation `"shuffled_channels"` takes; each
            module has its own.
        modules: Names of the modules whose masks are replaced, such as
            `["stage1_attention1"]`. Defaults to all.

    Returns:
        A `keras.Model`: a batch of images (two with `"other_image"`) -> what
        `model` returns.

    Raises:
        ValueError: If `model` has no attention module, or `mode` or a module is
            unknown.
    """
    choice("mode", mode, MODES)
    parts = attention_modules(model)
    names = parts if modules is None else modules
    replaced = [choice("module", name, parts) for name in names]
    masks, inputs = {}, [_like(model.inputs[0], "images")]
    if mode == "other_image":
        inputs.append(_like(model.inputs[0], "others"))
        masks = _masks_of(model, inputs[1], parts)

    def call(layer, *args, **kwargs):
        if not isinstance(layer, Fusion):
            return layer(*args, **kwargs)
        name = layer.name.rpartition("_")[0]
        trunk, mask = args[0]
        if name not in replaced:
            return layer([trunk, mask])
        if mode == "other_image":
            return layer([trunk, masks[name]])
        index = list(parts).index(name)
        other = MaskReplacement(mode, seed + index, name=f"{name}_mask_{mode}")
        return layer([trunk, other(mask)])

    # A graph has to be of the inputs that its calls will add to it.
    unused = [_like(tensor, "unused") for tensor in inputs[1:]]
    run = _run(keras.Model([*model.inputs, *unused], model.output), inputs, call)
    inputs = inputs if unused else inputs[0]
    return keras.Model(inputs, run.output, name=f"{model.name}_{mode}")


def _like(tensor, name):
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)


def _masks_of(model, images, modules):
    """Return the masks of other images, by module, in a flat graph."""
    masks = {name: module.mask for name, module in modules.items()}
    run = _run(keras.Model(model.inputs, list(masks.values())), [images])
    return dict(zip(masks, run.outputs, strict=True))


def _run(model, inputs, call_function=None):
    """Return the graph of `model` on other inputs, with the same layers."""
    return keras.models.clone_model(
        model,
        input_tensors=inputs,
        clone_function=lambda layer: layer,
        call_function=call_function,
    )
