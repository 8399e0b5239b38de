"""Remove the pixels that a map ranks first."""

import functools

import numpy as np

from keras_resattn.typing import Array

# Rong et al., section 4: weights of 1/6 for direct neighbours, 1/12 for diagonal ones.
NEIGHBOURS = {
    (i, j): 1 / 12 if i and j else 1 / 6
    for i in (-1, 0, 1)
    for j in (-1, 0, 1)
    if i or j
}


def ranks(maps: Array) -> Array:
    """Return the rank of each pixel, in the shape of `maps`. The most relevant is 0."""
    flat = maps.reshape(len(maps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranked = np.empty_like(order)
    np.put_along_axis(ranked, order, np.arange(flat.shape[1])[None], axis=1)
    return ranked.reshape(maps.shape)


def noisy_linear_imputation(
    inputs: Array, removed: Array, rng: np.random.Generator, noise: float = 0.01
) -> Array:
    """Replace the removed pixels of images by means of their neighbours plus noise.

    Args:
        inputs: A float array `(N, H, W, C)`.
        removed: A boolean array `(N, H, W)`.
        rng: A `numpy.random.Generator`.
        noise: Float, the standard deviation of the noise.

    Returns:
        A float32 array `(N, H, W, C)`.
    """
    images = [
        _impute(image, mask, rng, noise)
        for image, mask in zip(inputs, removed, strict=True)
    ]
    return np.stack(images).astype("float32")


def _impute(image, removed, rng, noise):
    from scipy.sparse.linalg import spsolve

    if not removed.any():
        return image
    pixels, gone = image.reshape(-1, image.shape[-1]).astype("float64"), removed.ravel()
    weights = _weights(*removed.shape)
    if gone.all():  # no pixel is left to average
        pixels = np.zeros_like(pixels)
    else:
        rows = weights[gone]
        known = rows[:, ~gone] @ pixels[~gone]
        system = (_identity(gone.sum()) - rows[:, gone]).tocsc()
        pixels[gone] = spsolve(system, known).reshape(known.shape)
    pixels[gone] += rng.normal(0, noise, pixels[gone].shape)
    return pixels.reshape(image.shape)


def _identity(size):
    from scipy.sparse import identity

    return identity(int(size), format="csr")


@functools.lru_cache(maxsize=4)
def _weights(height, width):
    """Return the sparse matrix of the weighted mean of the neighbours."""
    from scipy.sparse import csr_matrix

    index = np.arange(height * width).reshape(height, width)
    rows, columns, values = [], [], []
    for (i, j), weight in NEIGHBOURS.items():
        to = index[max(i, 0) : height + min(i, 0), max(j, 0) : width + min(j, 0)]
        of = index[max(-i, 0) : height + min(-i, 0), max(-j, 0) : width + min(-j, 0)]
        rows.append(to.ravel())
        columns.append(of.ravel())
        values.append(np.full(to.size, weight))
    parts = (np.concatenate(part) for part in (values, rows, columns))
    values, rows, columns = parts
    size = height * width
    matrix = csr_matrix((values, (rows, columns)), (size, size))
    # Pixels at the borders have fewer neighbours, but the weights must sum to 1.
    return matrix.multiply(1 / matrix.sum(axis=1)).tocsr()
