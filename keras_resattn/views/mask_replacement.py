"""The same network with other masks, to measure what the masks do."""

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resattn.layers.arguments import choice
from keras_resattn.layers.attention import Fusion
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.typing import Tensor
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import ModuleTensors
from keras_resattn.views.modules import attention_modules
from keras_resattn.views.modules import module_name
from keras_resattn.views.renamed import unwrap

MODES = ("ones", "mean", "shuffled_channels", "other_image")


@keras.saving.register_keras_serializable(package="keras_resattn")
class MaskReplacement(keras.layers.Layer):
    """Replace a mask by another one.

    Args:
        mode: `"ones"`, `"mean"` or `"shuffled_channels"`, see `with_masks`.
        seed: Integer, the seed of the permutation of `"shuffled_channels"`.
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A mask `(N, H, W, C)`. The result has the same shape.
    """

    def __init__(
        self, mode: str, seed: int = 0, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.mode = choice("mode", mode, MODES[:3])
        self.seed = seed
        self.data_format = standardize_data_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        if self.mode == "ones":
            return ops.ones_like(inputs)
        if self.mode == "mean":
            mean = ops.mean(inputs, axis=(1, 2, 3), keepdims=True)
            return ops.broadcast_to(mean, ops.shape(inputs))
        axis = channel_axis(self.data_format)
        rng = np.random.default_rng(self.seed)
        return ops.take(inputs, rng.permutation(inputs.shape[axis]), axis=axis)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"mode": self.mode, "seed": self.seed, "data_format": self.data_format}
        return {**super().get_config(), **own}


def with_masks(
    model: keras.Model,
    mode: str,
    seed: int = 0,
    modules: str | Iterable[str] | None = None,
) -> keras.Model:
    """Return `model` with the masks of its attention modules replaced.

    What do the masks do? Compare the accuracy of `model` with its accuracy under
    other masks. The result shares the layers and weights of `model`. The masks of later
    modules are computed from the features that follow from the replaced masks.

    Example:

    >>> model = keras_resattn.cifar.Attention56()
    >>> images, others = np.random.rand(2, 4, 32, 32, 3)
    >>> keras_resattn.with_masks(model, "ones").predict(images).shape
    (4, 10)
    >>> keras_resattn.with_masks(model, "other_image").predict([images, others]).shape
    (4, 10)

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` with one input
            and with attention modules, its own or those of networks that it calls as
            layers.
        mode: What replaces each mask:
            `"ones"`: 1 everywhere.
            `"mean"`: its mean over positions and channels, for each image.
            `"shuffled_channels"`: the mask with its channels permuted.
            `"other_image"`: the mask of the same module for another image. The
            returned model takes two batches, images and others.
        seed: Integer, the seed of the permutations of `"shuffled_channels"`. Each
            module has its own permutation.
        modules: Names of the modules whose masks are replaced, such as
            `["stage1_attention1"]`. Defaults to all.

    Returns:
        A `keras.Model`: a batch of images (two batches with `"other_image"`) -> what
        `model` returns.

    Raises:
        ValueError: If `model` has no attention module or several inputs, or `mode` or a
            module is unknown.
    """
    choice("mode", mode, MODES)
    parts = attention_modules(model)
    if isinstance(modules, str):
        modules = [modules]
    names = parts if modules is None else modules
    replaced = [choice("module", name, parts) for name in names]
    flat = flattened(model)
    images = _only_input(flat)
    masks, inputs = {}, [_like(images, "images")]
    if mode == "other_image":
        inputs.append(_like(images, "others"))
        masks = _masks_of(flat, inputs[1], parts)

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:
        if not isinstance(unwrap(layer), Fusion):
            return layer(*args, **kwargs)
        name = module_name(layer)
        trunk, mask = args[0]
        if name not in replaced:
            return layer([trunk, mask])
        if mode == "other_image":
            return layer([trunk, masks[name]])
        index = list(parts).index(name)
        other = MaskReplacement(mode, seed + index, name=f"{name}_mask_{mode}")
        return layer([trunk, other(mask)])

    # A graph has every input that its calls will use.
    unused = [_like(tensor, "unused") for tensor in inputs[1:]]
    run = _run(keras.Model([images, *unused], flat.output), inputs, call)
    return keras.Model(
        inputs if unused else inputs[0], run.output, name=f"{model.name}_{mode}"
    )


def _only_input(model: keras.Model) -> keras.KerasTensor:
    if len(model.inputs) > 1:
        raise ValueError(
            "Masks are replaced in models with one input, a batch of images; pass the "
            "network alone. Received: a model with the inputs "
            f"{[tensor.name for tensor in model.inputs]}"
        )
    return model.inputs[0]


def _like(tensor: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)


def _masks_of(
    model: keras.Model, images: keras.KerasTensor, modules: dict[str, ModuleTensors]
) -> dict[str, keras.KerasTensor]:
    """Return the masks of other images, by module, in a flat graph."""
    masks = {name: module.mask for name, module in modules.items()}
    run = _run(keras.Model(model.inputs, list(masks.values())), [images])
    return dict(zip(masks, run.outputs, strict=True))


def _run(
    model: keras.Model,
    inputs: list[keras.KerasTensor],
    call_function: Callable[..., Tensor] | None = None,
) -> keras.Model:
    """Return the graph of `model` on other inputs, with the same layers."""
    return keras.models.clone_model(
        model,
        input_tensors=inputs,
        clone_function=lambda layer: layer,
        call_function=call_function,
    )
