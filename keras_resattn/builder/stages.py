"""The table of stages: its checks, sizes, rates and widths."""

import math
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import keras

from keras_resattn.layers.arguments import positive_integer
from keras_resattn.layers.arguments import positive_number
from keras_resattn.layers.arguments import whole_number
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.typing import Shape


class Stage(NamedTuple):
    """A stage of the network, a row in the paper's table.

    Example:

    >>> keras_resattn.Stage(filters=256, strides=1, modules=1, mask_depth=3)
    Stage(filters=256, strides=1, modules=1, mask_depth=3, closing_units=0)

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


def as_stage(stated: object) -> Stage:
    """Return the stage of a tuple, or of a mapping with the names of its numbers.

    Raises:
        ValueError: If it is neither, or a number is missing or unknown.
    """
    try:
        if isinstance(stated, Mapping):
            return Stage(**stated)
        if isinstance(stated, Sequence) and not isinstance(stated, str):
            return Stage(*stated)
    except TypeError:
        pass
    raise ValueError(
        "A stage is a keras_resattn.Stage(filters, strides, modules, mask_depth=1, "
        "closing_units=0), or a tuple or a dictionary of these numbers. "
        f"Received: {stated!r}"
    )


def check_stage(stage: Stage) -> Stage:
    """Return a stage if its numbers are in range, or raise a `ValueError`."""
    for name in ("filters", "strides", "mask_depth"):
        positive_integer(name, getattr(stage, name))
    for name in ("modules", "closing_units"):
        whole_number(name, getattr(stage, name))
    return stage


def smallest_size(stages: Sequence[Stage], stem_strides: int) -> int:
    """Return the smallest image size at which modules have maps of 2 x 2 or more."""
    smallest = strides = stem_strides
    for stage in stages:
        strides *= stage.strides
        smallest = max(smallest, 2 * strides if stage.modules else strides)
    return smallest


def usable_mask_depth(mask_depth: int, shape: Shape) -> int:
    """Return `mask_depth`, reduced so that no map is pooled below 2 x 2."""
    axes = spatial_axes(keras.config.image_data_format())
    sizes = [size for size in (shape[axis] for axis in axes) if size is not None]
    smallest = min(sizes, default=2 << mask_depth)
    return max(1, min(mask_depth, smallest.bit_length() - 2))


def drop_rates(stages: Sequence[Stage], last: float) -> Iterator[float]:
    """Yield the rate of each block in order. It grows with depth up to `last`."""
    blocks = sum(1 + stage.modules + stage.closing_units for stage in stages)
    yield from (last * i / blocks for i in range(1, blocks + 1))


def widen(
    stem_filters: int,
    stages: list[Stage],
    multiplier: float,
    unit: type[keras.layers.Layer],
) -> tuple[int, list[Stage]]:
    """Return the stem's filters and the stages, multiplied and rounded."""
    positive_number("width_multiplier", multiplier)
    if multiplier == 1:
        return stem_filters, stages
    multiple = math.lcm(8, getattr(unit, "filters_multiple", 1))

    def widened(filters: int, multiple: int) -> int:
        return max(1, round(filters * multiplier / multiple)) * multiple

    stages = [s._replace(filters=widened(s.filters, multiple)) for s in stages]
    return widened(stem_filters, 8), stages
