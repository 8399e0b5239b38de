"""The feature maps of a network: per attention module, and as a pyramid."""

import math
import re

import keras

from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.views.modules import attention_modules
from keras_resattn.views.modules import node_in


def feature_maps(model):
    """Returns a model that maps images to the maps of each attention module.

    It shares the weights of `model`.

    Example:

    >>> model = keras_resattn.cifar.Attention56()
    >>> maps = keras_resattn.feature_maps(model)
    >>> outputs = maps.predict(np.random.rand(2, 32, 32, 3))
    >>> outputs["stage1_attention1_trunk"].shape
    (2, 32, 32, 64)

    Args:
        model: A functional `keras.Model` with attention modules.

    Returns:
        A `keras.Model`: a batch of images -> a dictionary with three entries
        for each attention module: its name and
        `_trunk` (what the trunk branch gives), `_mask` (the mask) and `_fused`
        (the trunk times one plus the mask, or times the mask).

    Raises:
        ValueError: If `model` has no attention module.
    """
    outputs = {
        f"{name}_{part}": tensor
        for name, module in attention_modules(model).items()
        for part, tensor in module._asdict().items()
    }
    return keras.Model(model.input, outputs, name=f"{model.name}_feature_maps")


def pyramid_outputs(model):
    """Returns the last map of each stage, for detection and segmentation.

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
        model: A model of keras_resattn made with `include_top=False`.

    Returns:
        A dictionary of Keras tensors, as `pyramid_outputs` of keras-hub's
        backbones: `"P<n>"` is `2**n` times smaller than the image. The last is
        the output of `model` if that is a map, normalized and activated; the
        others are raw sums where the units are pre-activation units.

    Raises:
        ValueError: If `model` has no stages.
    """
    ends = {}
    for layer in getattr(model, "layers", []):
        stage = re.match(r"stage\d+_", layer.name)
        if stage or (ends and layer.name == "post_relu"):
            ends[stage[0] if stage else list(ends)[-1]] = layer
    if not ends:
        raise ValueError(
            "A pyramid is made of the stages of a network, and this model has "
            "none. Pass a model made by keras_resattn with include_top=False. "
            f"Received: model={model!r}"
        )
    maps = [node_in(model, layer).outputs[0] for layer in ends.values()]
    levels = _levels(keras.Model(model.input, maps))
    return dict(zip(levels, maps, strict=True))


def _levels(model):
    """Return "P<n>" for each output map, 2**n times smaller than the image."""
    axis = spatial_axes(keras.config.image_data_format())[0]
    shape = list(model.input_shape)
    shape = [shape[0] or 1, *(512 if size is None else size for size in shape[1:])]
    outputs = model.compute_output_shape(tuple(shape))
    ratios = [shape[axis] / output[axis] for output in outputs]
    return [f"P{round(math.log2(ratio))}" for ratio in ratios]
