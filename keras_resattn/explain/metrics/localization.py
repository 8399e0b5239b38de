"""Measure whether maps point at an object, and make baseline maps to compare with."""

from collections.abc import Sequence

import numpy as np

from keras_resattn.explain.inputs import as_maps
from keras_resattn.typing import Array


def pointing_game(maps: Array, boxes: Array, tolerance: int = 0) -> Array:
    """Return which maps have their largest value inside a box.

    Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018
    (https://arxiv.org/abs/1608.00507); they use a tolerance of 15 pixels.

    Args:
        maps: A float array `(N, H, W)`.
        boxes: An integer array `(N, 4)`: top, left, bottom, right in pixels,
            bottom and right not included.
        tolerance: Integer, how many pixels the largest value may be outside.

    Returns:
        A float32 array `(N,)`: 1 for a hit, otherwise 0. Its mean is the accuracy.
    """
    maps, boxes = _checked(maps, boxes)
    rows, columns = np.unravel_index(
        maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]
    )
    top, left, bottom, right = boxes.T
    inside = (rows >= top - tolerance) & (rows < bottom + tolerance)
    inside &= (columns >= left - tolerance) & (columns < right + tolerance)
    return inside.astype("float32")


def energy_in_box(maps: Array, boxes: Array) -> Array:
    """Compute the share of the sum of each map that is inside a box.

    This is the energy-based pointing game of Wang et al., Score-CAM, CVPR workshops
    2020 (https://arxiv.org/abs/1910.01279).

    Args:
        maps: A float array `(N, H, W)` without negative values.
        boxes: See `pointing_game`.

    Returns:
        A float32 array `(N,)` with values in 0 to 1; 0 for an empty map.
    """
    maps, boxes = _checked(maps, boxes)
    if (maps < 0).any():
        raise ValueError(
            "`maps` must not have negative values. Clip or scale them first. "
            f"Received: maps with a smallest value of {maps.min()}"
        )
    rows, columns = np.arange(maps.shape[1]), np.arange(maps.shape[2])
    top, left, bottom, right = boxes.T[:, :, None]
    inside = ((rows >= top) & (rows < bottom))[:, :, None]
    inside = inside & ((columns >= left) & (columns < right))[:, None, :]
    total = maps.sum(axis=(1, 2))
    within = (maps * inside).sum(axis=(1, 2))
    return (within / np.where(total > 0, total, 1)).astype("float32")


def baseline_maps(shape: Sequence[int], seed: int = 0) -> dict[str, Array]:
    """Return maps that do not depend on the images, to compare with.

    Args:
        shape: The shape of the maps, `(N, H, W)`.
        seed: Integer, the seed of the random map.

    Returns:
        A dictionary of float32 arrays `(N, H, W)`, 0 to 1: `"random"`, uniform
        noise, and `"gaussian"`, a centred Gaussian. Its standard deviation is a
        quarter of height and width.
    """
    count, height, width = shape
    random = np.random.default_rng(seed).random(tuple(shape), dtype="float32")
    rows, columns = (
        np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 4)) ** 2)
        for n in (height, width)
    )
    gaussian = np.broadcast_to(np.outer(rows, columns), tuple(shape)).astype("float32")
    return {"random": random, "gaussian": gaussian / gaussian.max()}


def mask_statistics(
    mask: Array, low: float = 0.05, high: float = 0.95, bins: int = 32
) -> dict[str, Array]:
    """Compute the mean, the entropy and the saturation of masks.

    The entropy is that of Shannon (1948) for the histogram of the values of each
    image in `bins` bins from 0 to 1, divided by log2(bins). It is 0 if all values are
    in one bin, and 1 if they are spread evenly. The saturation is the share of values
    below `low` or above `high`, where the gradient of the sigmoid is almost zero.

    Args:
        mask: A float array `(N, h, w)` or `(N, h, w, C)`, 0 to 1.
        low: Float, values below it are saturated.
        high: Float, values above it are saturated.
        bins: Integer, the number of bins of the histogram.

    Returns:
        A dictionary of float32 arrays `(N,)`: `"mean"`, `"entropy"`,
        `"saturation"`.
    """
    values = np.asarray(mask, "float32")
    if values.ndim not in (3, 4):
        raise ValueError(
            "`mask` must be an array (N, h, w) or (N, h, w, C). "
            f"Received: an array of shape {values.shape}"
        )
    if bins < 2:
        raise ValueError(f"`bins` must be 2 or more. Received: bins={bins!r}")
    values = values.reshape(len(values), -1)
    if not (values.min(initial=0) >= 0 and values.max(initial=0) <= 1):
        raise ValueError(
            "`mask` must have values from 0 to 1. Received: values from "
            f"{values.min()} to {values.max()}"
        )
    counts = np.stack([np.histogram(row, bins, (0, 1))[0] for row in values])
    parts = counts / values.shape[1]
    logarithms = np.log2(parts, where=parts > 0, out=np.zeros_like(parts))
    saturated = (values < low) | (values > high)
    statistics = {
        "mean": values.mean(axis=1),
        "entropy": -(parts * logarithms).sum(axis=1) / np.log2(bins),
        "saturation": saturated.mean(axis=1),
    }
    return {name: array.astype("float32") for name, array in statistics.items()}


def _checked(maps, boxes):
    maps, boxes = as_maps(maps).astype("float64"), np.asarray(boxes)
    if boxes.shape != (len(maps), 4):
        raise ValueError(
            "Pass maps (N, H, W) and one box (top, left, bottom, right) for each map. "
            f"Received: maps of shape {maps.shape}, boxes of shape {boxes.shape}"
        )
    height, width = maps.shape[1:]
    top, left, bottom, right = boxes.T
    if not ((top < bottom) & (left < right)).all():
        raise ValueError(
            "A box is (top, left, bottom, right) in pixels, with top < bottom and left "
            f"< right, in maps of {height} x {width}. Received: boxes={boxes!r}"
        )
    return maps, boxes
