"""Bilinear resize with aligned corners, to the size of a reference map."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resattn.layers.geometry import batch_shape
from keras_resattn.layers.geometry import channel_axis
from keras_resattn.layers.geometry import spatial_axes
from keras_resattn.layers.geometry import standardize_data_format
from keras_resattn.typing import Shape
from keras_resattn.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_resattn")
class AlignedResize(keras.layers.Layer):
    """Bilinear resize of a map to the size of a reference map.

    Corners are aligned: output row `i` of `n` reads the input of `m` rows at
    `i * (m - 1) / (n - 1)`. `keras.ops.image.resize` has no such option. Only the
    size of the reference is used, not its values.

    Example:

    >>> small, reference = np.random.rand(2, 7, 7, 16), np.zeros((2, 14, 13, 4))
    >>> keras_resattn.layers.AlignedResize()([small, reference]).shape
    (2, 14, 13, 16)

    Args:
        data_format: `"channels_last"`, `"channels_first"` or `None`, Keras'
            configured format.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`, `dtype`.

    Call arguments:
        inputs: A list of two batches: the map `(N, h, w, C)` to resize and the
            reference `(N, H, W, any)`. The result is `(N, H, W, C)`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape: Sequence[Shape]) -> None:
        _check_pair(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        x, reference = inputs
        h, w = (ops.shape(x)[axis] for axis in spatial_axes(self.data_format))
        new_h, new_w = (
            ops.shape(reference)[axis] for axis in spatial_axes(self.data_format)
        )
        # Half precision has too few bits for the positions and their weights.
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        rows = interpolation_matrix(h, new_h, dtype)  # (H, h)
        columns = interpolation_matrix(w, new_w, dtype)  # (W, w)
        y = self._interpolate(ops.cast(x, dtype), rows, columns)
        return ops.cast(y, self.compute_dtype)

    def _interpolate(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Multiply by one matrix per axis, which is faster than a gather."""
        if self.data_format == "channels_first":
            return ops.matmul(ops.matmul(rows, x), ops.transpose(columns))
        h, w, channels = ops.shape(x)[1], ops.shape(x)[2], x.shape[3]
        new_h, new_w = ops.shape(rows)[0], ops.shape(columns)[0]
        x = ops.matmul(rows, ops.reshape(x, (-1, h, w * channels)))
        x = ops.matmul(columns, ops.reshape(x, (-1, w, channels)))
        return ops.reshape(x, (-1, new_h, new_w, channels))

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        x, reference = input_shape
        size = tuple(reference[axis] for axis in spatial_axes(self.data_format))
        channels = x[channel_axis(self.data_format)]
        return batch_shape(x[0], size, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


def interpolation_matrix(
    size: Tensor, new_size: Tensor, dtype: str = "float32"
) -> Tensor:
    """Return the matrix `(new_size, size)` of an aligned linear resize."""
    # Known sizes make one constant in place of thirty operations to trace.
    known = isinstance(size, int) and isinstance(new_size, int)
    library, cast = (np, np.asarray) if known else (ops, ops.cast)
    steps = cast(library.maximum(new_size - 1, 1), dtype)
    spacing = cast(size - 1, dtype) / steps
    positions = cast(library.arange(new_size), dtype) * spacing
    distances = library.abs(
        positions[:, None] - cast(library.arange(size), dtype)[None]
    )
    return ops.convert_to_tensor(library.maximum(1.0 - distances, 0.0), dtype)


def _check_pair(input_shape: Sequence[Shape]) -> None:
    is_pair = isinstance(input_shape, (list, tuple)) and len(input_shape) == 2
    if not is_pair or not all(isinstance(s, (list, tuple)) for s in input_shape):
        raise ValueError(
            "AlignedResize takes a list of two tensors, the map and the "
            f"reference. Received: input_shape={input_shape}"
        )
