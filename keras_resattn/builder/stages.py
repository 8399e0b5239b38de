"""The table of stages, and what follows from it."""

import math
from typing import NamedTuple

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import positive_number
from keras_resattn.layers.arguments import whole_number
from keras_resattn.layers.geometry import spatial_axes


class Stage(NamedTuple):
    """A stage of the network, a row in the paper's table.

    Attributes:
        filters: The number of channels of every unit in the stage.
        strides: The stride of the first unit.
        modules: The number of attention modules after the first unit.
        mask_depth: The number of poolings in a module's soft mask branch.
        closing_units: The number of units after the modules.
    """

    filters: int
    strides: int
    modules: int
    mask_depth: int = 1
    closing_units: int = 0


def check_stage(stage):
    """Return a stage if its numbers can be, or raise a `ValueError`."""
    for name in ("filters", "strides", "mask_depth"):
        positive_integer(name, getattr(stage, name))
    for name in ("modules", "closing_units"):
        whole_number(name, getattr(stage, name))
    return stage


def smallest_size(stages, stem_strides):
    """Return the smallest image whose modules' maps are 2 x 2 or larger."""
    smallest = strides = stem_strides
    for stage in stages:
        strides *= stage.strides
        smallest = max(smallest, 2 * strides if stage.modules else strides)
    return smallest


def usable_mask_depth(mask_depth, shape):
    """Return `mask_depth`, less what would pool a map to under 2 x 2."""
    axes = spatial_axes(keras.config.image_data_format())
    sizes = [shape[axis] for axis in axes if shape[axis] is not None]
    smallest = min(sizes, default=2 << mask_depth)
    return max(1, min(mask_depth, smallest.bit_length() - 2))


def drop_rates(stages, last):
    """Yield the rate of each block in turn, growing with depth up to `last`."""
    blocks = sum(1 + stage.modules + stage.closing_units for stage in stages)
    yield from (last * i / blocks for i in range(1, blocks + 1))


def widen(stem_filters, stages, multiplier, unit):
    """Return the stem's filters and the stages, as wide as they shall be."""
    positive_number("width_multiplier", multiplier)
    if multiplier == 1:
        return stem_filters, stages
    multiple = math.lcm(8, getattr(unit, "filters_multiple", 1))

    def widened(filters, multiple):
        return max(1, round(filters * multiplier / multiple)) * multiple

    stages = [s._replace(filters=widened(s.filters, multiple)) for s in stages]
    return widened(stem_filters, 8), stages
