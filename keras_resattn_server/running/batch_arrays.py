"""Arrays of several requests as those of one batch, and back."""

from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from keras_resattn_server.wire.status import ServingError

Arrays = Mapping[str, np.ndarray]


def row_count(arrays: Arrays) -> int:
    """Returns the number of rows, the same for all arrays.

    Args:
        arrays: A request's input arrays, each `[rows, ...]`.

    Raises:
        ServingError: There are no arrays, scalars among them, or unlike numbers.
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
    return shapes[0][0]


def row_shapes(arrays: Arrays) -> Hashable:
    """Returns what has to be alike for arrays of two requests to be concatenated.

    Args:
        arrays: A request's input arrays.
    """
    return tuple(
        (name, array.dtype.str, array.shape[1:])
        for name, array in sorted(arrays.items())
    )


def divide(arrays: Arrays, first: int, limit: int) -> Iterator[Arrays]:
    """Divides a request's arrays by rows.

    Args:
        arrays: The arrays, each `[rows, ...]`.
        first: The most rows of the first part.
        limit: The most rows of each further part.

    Yields:
        The arrays of each part.
    """
    rows = row_count(arrays)
    stops = [*range(first, rows, limit), rows]
    for start, stop in zip([0, *stops], stops, strict=False):
        yield {name: array[start:stop] for name, array in arrays.items()}


def merge(requests: Sequence[Arrays], padding: int) -> dict[str, np.ndarray]:
    """Concatenates the arrays of several requests.

    Args:
        requests: Each request's arrays. Where the shapes of their rows differ, the
            smaller ones are filled up with an array's first element.
        padding: Rows to add: repetitions of the last request's first row.

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
) -> list[dict[str, np.ndarray]]:
    """Gives each request its rows of the outputs.

    Args:
        outputs: The batch's output arrays.
        sizes: The number of rows of each request.
        padding: The rows that `merge` added.

    Returns:
        For each request its output arrays.

    Raises:
        ServingError: An output has not one row for each row of the batch.
    """
    for array in outputs.values():
        if not array.ndim:
            message = "Batched output tensor has 0 dimensions"
            raise ServingError(message, "FAILED_PRECONDITION")
        if len(array) != sum(sizes) + padding:
            raise ServingError(
                "Batched output tensor's 0th dimension does not equal the sum of the"
                " 0th dimension sizes of the input tensors",
                "FAILED_PRECONDITION",
            )
    stops = np.cumsum(sizes)
    return [
        {name: array[stop - size : stop] for name, array in outputs.items()}
        for size, stop in zip(sizes, stops, strict=True)
    ]


def _alike(arrays: list[np.ndarray]) -> list[np.ndarray]:
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
