"""Removing the pixels that a map ranks first."""

import functools

import numpy as np

# Rong et al., section 4: direct neighbours weigh 1/6, diagonal ones 1/12.
NEIGHBOURS = {
    (i, j): 1 / 12 if i and j else 1 / 6
    for i in (-1, 0, 1)
    for j in (-1, 0, 1)
    if i or j
}


def ranks(maps):
    """Return the rank of each pixel, 0 for the most relevant, like `maps`."""
    flat = maps.reshape(len(maps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranked = np.empty_like(order)
    np.put_along_axis(ranked, order, np.arange(flat.shape[1])[None], axis=1)
    return ranked.reshape(maps.shape)


def noisy_linear_imputation(inputs, removed, rng, noise=0.01):
    """Return images whose removed pixels are means of their neighbours, with noise.

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
    if gone.all():  # nothing is left to take a mean of
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
    """Return the sparse matrix that takes the weighted mean of neighbours."""
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
    # At the borders there are fewer neighbours: weights of a mean sum to 1.
    return matrix.multiply(1 / matrix.sum(axis=1)).tocsr()
