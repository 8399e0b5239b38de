"""Merge the arrays of several requests into one batch, and split the outputs."""

from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from keras_resattn_client.typing import Array
from keras_resattn_server.wire.status import ServingError

Arrays = Mapping[str, Array]


def row_count(arrays: Arrays) -> int:
    """Return the number of rows, the same for all arrays.

    Args:
        arrays: A request's input arrays, each `(rows, ...)`.

    Raises:
        ServingError: If there are no arrays, a scalar, or different numbers of rows.
    """
    shapes = [array.shape for array in arrays.values()]
    if not shapes:
        raise ServingError("Batching Run() must have at least one input tensor")
    if not all(shapes):
        raise ServingError(
            "Batching Run() input tensors must have at least one dimension"
        )
    if len({shape[0] for shape in shapes}) > 1:
        raise ServingError(
            "Batching Run() input tensors must have equal 0th-dimension size"
        )
    return int(shapes[0][0])


def row_shapes(arrays: Arrays) -> Hashable:
    """Return a key that is equal for requests whose arrays can be concatenated.

    Args:
        arrays: A request's input arrays.
    """
    return tuple(
        (name, array.dtype.str, array.shape[1:])
        for name, array in sorted(arrays.items())
    )


def divide(arrays: Arrays, first: int, limit: int) -> Iterator[Arrays]:
    """Divide a request's arrays by rows.

    Args:
        arrays: The arrays, each `(rows, ...)`.
        first: The largest number of rows of the first part.
        limit: The largest number of rows of each further part.

    Yields:
        The arrays of each part.
    """
    rows = row_count(arrays)
    stops = [*range(first, rows, limit), rows]
    for start, stop in zip([0, *stops], stops, strict=False):
        yield {name: array[start:stop] for name, array in arrays.items()}


def merge(requests: Sequence[Arrays], padding: int) -> dict[str, Array]:
    """Concatenate the arrays of several requests.

    Args:
        requests: The arrays of each request. If the shapes of rows differ, smaller
            rows are padded with the first element of their array.
        padding: The number of rows to add: copies of the last request's first row.

    Returns:
        The arrays of the batch.
    """
    merged = {}
    for name in requests[0]:
        arrays = _alike([arrays[name] for arrays in requests])
        arrays += [arrays[-1][:1]] * padding
        merged[name] = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return merged


def split(
    outputs: Arrays, sizes: Sequence[int], padding: int
) -> list[dict[str, Array]]:
    """Return each request's rows of the outputs.

    Args:
        outputs: The batch's output arrays.
        sizes: The number of rows of each request.
        padding: The number of rows that `merge` added.

    Returns:
        The output arrays of each request.

    Raises:
        ServingError: If an output does not have one row per row of the batch.
    """
    for array in outputs.values():
        if not array.ndim:
            message = "Batched output tensor has 0 dimensions"
            raise ServingError(message, "FAILED_PRECONDITION")
        if len(array) != sum(sizes) + padding:
            raise ServingError(
                "Batched output tensor's 0th dimension does not equal the sum of the "
                "0th dimension sizes of the input tensors",
                "FAILED_PRECONDITION",
            )
    stops = np.cumsum(sizes)
    return [
        {name: array[stop - size : stop] for name, array in outputs.items()}
        for size, stop in zip(sizes, stops, strict=True)
    ]


def _alike(arrays: list[Array]) -> list[Array]:
    if len({array.shape[1:] for array in arrays}) == 1:
        return arrays
    largest = np.max([array.shape[1:] for array in arrays], axis=0)
    filled = []
    for array in arrays:
        room = np.empty((len(array), *largest), array.dtype)
        room.fill(array.flat[0])
        room[tuple(map(slice, array.shape))] = array
        filled.append(room)
    return filled
