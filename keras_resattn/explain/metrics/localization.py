"""Whether maps point at an object, and the maps that anyone could draw."""

import numpy as np


def pointing_game(maps, boxes, tolerance=0):
    """Tell which maps have their largest value inside a box.

    Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018
    (https://arxiv.org/abs/1608.00507); they use a tolerance of 15 pixels.

    Args:
        maps: A float array `(N, H, W)`.
        boxes: An integer array `(N, 4)`: top, left, bottom, right in pixels,
            bottom and right not included.
        tolerance: Integer, how many pixels the largest value may be outside.

    Returns:
        A float32 array `(N,)`: 1 for a hit, else 0. Its mean is the accuracy.
    """
    maps, boxes = _checked(maps, boxes)
    rows, columns = np.unravel_index(
        maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]
    )
    top, left, bottom, right = boxes.T
    inside = (rows >= top - tolerance) & (rows < bottom + tolerance)
    inside &= (columns >= left - tolerance) & (columns < right + tolerance)
    return inside.astype("float32")


def energy_in_box(maps, boxes):
    """Compute which part of each map's sum lies inside a box.

    The energy-based pointing game of Wang et al., Score-CAM, CVPR workshops 2020
    (https://arxiv.org/abs/1910.01279).

    Args:
        maps: A float array `(N, H, W)` without negative values.
        boxes: See `pointing_game`.

    Returns:
        A float32 array `(N,)` with values in 0 to 1; 0 for an empty map.
    """
    maps, boxes = _checked(maps, boxes)
    if (maps < 0).any():
        raise ValueError(
            "The energy of a map has no negative values. Received: maps with a "
            f"least value of {maps.min()}"
        )
    rows, columns = np.arange(maps.shape[1]), np.arange(maps.shape[2])
    top, left, bottom, right = boxes.T[:, :, None]
    inside = ((rows >= top) & (rows < bottom))[:, :, None]
    inside = inside & ((columns >= left) & (columns < right))[:, None, :]
    total = maps.sum(axis=(1, 2))
    within = (maps * inside).sum(axis=(1, 2))
    return (within / np.where(total > 0, total, 1)).astype("float32")


def baseline_maps(shape, seed=0):
    """Return maps that know nothing of the images, to compare with.

    Args:
        shape: The shape of the maps, `(N, H, W)`.
        seed: Integer, the seed of the random map.

    Returns:
        A dictionary of float32 arrays `(N, H, W)`, 0 to 1: `"random"`, uniform
        noise, and `"gaussian"`, a centred Gaussian with a standard deviation of
        a quarter of height and width.
    """
    count, height, width = shape
    random = np.random.default_rng(seed).random(shape, dtype="float32")
    rows, columns = (
        np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 4)) ** 2)
        for n in (height, width)
    )
    gaussian = np.broadcast_to(np.outer(rows, columns), shape).astype("float32")
    return {"random": random, "gaussian": gaussian / gaussian.max()}


def mask_statistics(mask, low=0.05, high=0.95, bins=32):
    """Describe a mask: its mean, its entropy, how much of it is saturated.

    The entropy is Shannon's (1948), of the histogram of the values of each image
    in `bins` equal parts of 0 to 1, in bits, over log2(bins): 0 if all values are
    in one part, 1 if they are spread evenly. Saturation is the fraction of values
    under `low` or over `high`: there the sigmoid hardly has a gradient.

    Args:
        mask: A float array `(N, h, w)` or `(N, h, w, C)`, 0 to 1.
        low: Float, what is saturated at 0.
        high: Float, what is saturated at 1.
        bins: Integer, the number of parts.

    Returns:
        A dictionary of float32 arrays `(N,)`: `"mean"`, `"entropy"`,
        `"saturation"`.
    """
    values = np.asarray(mask, "float32").reshape(len(mask), -1)
    if values.min(initial=0) < 0 or values.max(initial=0) > 1:
        raise ValueError(
            "A mask has values from 0 to 1. Received: values from "
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
    maps, boxes = np.asarray(maps, "float64"), np.asarray(boxes)
    if maps.ndim != 3 or boxes.shape != (len(maps), 4):
        raise ValueError(
            "There must be a box (top, left, bottom, right) for each map. Received: "
            f"maps of shape {maps.shape}, boxes of shape {boxes.shape}"
        )
    return maps, boxes
