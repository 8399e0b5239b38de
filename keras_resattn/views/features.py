"""The feature maps of a network: per attention module, and as a pyramid."""

import math
import re
from typing import Any

import keras

from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.typing import Shape
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import is_functional
from keras_resattn.views.graph import node_in
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.modules import attention_modules


def feature_maps(model: keras.Model) -> keras.Model:
    """Return a model that maps images to the feature maps of each attention module.

    It shares the weights of `model`.

    Example:

    >>> model = keras_resattn.cifar.Attention56()
    >>> maps = keras_resattn.feature_maps(model)
    >>> outputs = maps.predict(np.random.rand(2, 32, 32, 3))
    >>> outputs["stage1_attention1_trunk"].shape
    (2, 32, 32, 64)

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` with attention
            modules, its own or those of networks that it calls as layers.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary with three entries
        for each attention module. Their names are the name of the module (see
        `attention_masks`) and `_trunk` (the output of the trunk branch), `_mask` (the
        mask) or `_fused` (the trunk times one plus the mask, or times the mask).

    Raises:
        ValueError: If `model` has no attention module.
    """
    outputs = {
        f"{name}_{part}": tensor
        for name, module in attention_modules(model).items()
        for part, tensor in module._asdict().items()
    }
    return keras.Model(
        flattened(model).input, outputs, name=f"{model.name}_feature_maps"
    )


def pyramid_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the last map of each stage, for detection and segmentation.

    Example:

    >>> backbone = keras_resattn.Attention56(include_top=False)
    >>> pyramid = keras_resattn.pyramid_outputs(backbone)
    >>> {level: tensor.shape for level, tensor in pyramid.items()}
    {'P2': (None, None, None, 256),
     'P3': (None, None, None, 512),
     'P4': (None, None, None, 1024),
     'P5': (None, None, None, 2048)}
    >>> model = keras.Model(backbone.input, pyramid)

    Args:
        model: A model of keras_resattn made with `include_top=False`, or a model
            that calls one such network as a layer.

    Returns:
        A dictionary of Keras tensors, as `pyramid_outputs` of keras-hub's
        backbones: the map `"P<n>"` is `2**n` times smaller than the image. The last
        one is the output of the network if that is a map, normalized and activated.
        If the units are pre-activation units, the others are sums without activation.
        Of several stages with maps of the same size, the last one is returned.
        "The image" is the input of the network, after a layer that resizes it.

    Raises:
        ValueError: If `model` has no stages, or the stages of two networks, or a map
            is not 2, 4, 8, ... times smaller than the image.
    """
    flat: Any = flattened(model) if is_functional(model) else None
    ends: dict[str, keras.layers.Layer] = {}
    for layer in getattr(flat, "layers", []):
        stage = re.match(r"stage\d+_", layer.name)
        if stage or (ends and layer.name == "post_relu"):
            ends[stage[0] if stage else list(ends)[-1]] = layer
    if not ends:
        raise ValueError(
            "A pyramid is made of the stages of one network, and this model has "
            "none. Pass a model made by keras_resattn with include_top=False; of a "
            "model that calls two networks, pass one of the two. "
            f"Received: model={model!r}"
        )
    maps = [node_in(flat, layer).outputs[0] for layer in ends.values()]
    levels = _levels(keras.Model(flat.input, [_image(flat), *maps]))
    return dict(zip(levels, maps, strict=True))


def _image(flat: keras.Model) -> keras.KerasTensor:
    """Return the input of the network: of the first layer of its stem."""
    for node in nodes_of(flat):
        if not node.is_input and node.operation.name in ("stem_pad", "stem_conv"):
            image: keras.KerasTensor = node.input_tensors[0]
            return image
    return flat.inputs[0]


def _levels(model: keras.Model) -> list[str]:
    """Return "P<n>" for each map after the image. It is 2**n times smaller."""
    axis = spatial_axes(keras.config.image_data_format())[0]
    shapes = keras.tree.map_structure(_filled, model.input)
    image, *maps = model.compute_output_shape(shapes)
    return [_level(image[axis], one[axis]) for one in maps]


def _filled(tensor: keras.KerasTensor) -> Shape:
    """Return the shape of an input, with numbers for what is unknown."""
    batch, *sizes = tensor.shape
    return (batch or 1, *(512 if size is None else size for size in sizes))


def _level(size: int, small: int) -> str:
    number = round(math.log2(size / small))
    # Odd sizes are rounded, up or down.
    if abs(small - size / 2**number) > 1:
        raise ValueError(
            "The maps of a pyramid are 2, 4, 8, ... times smaller than the image. Give "
            "the stages strides that are powers of two. "
            f"Received: a map of {small} pixels of an image of {size} pixels"
        )
    return f"P{number}"
