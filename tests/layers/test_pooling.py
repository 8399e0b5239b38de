import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_resattn.layers import CeilMaxPooling2D
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import to_numpy


def ceil_max_pool(x):
    """Pool 3 x 3, stride 2, unpadded, ceil mode: the last window is clipped."""
    height, width = (-(-(n - 3) // 2) + 1 for n in x.shape[1:3])
    y = np.empty((x.shape[0], height, width, x.shape[3]), x.dtype)
    for i in range(height):
        for j in range(width):
            window = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            y[:, i, j] = window.max(axis=(1, 2))
    return y


def test_checklist():
    check_layer(CeilMaxPooling2D, images(2, 7, 8, 3), (2, 3, 4, 3))


def test_channels_first_is_the_same():
    check_channels_first(CeilMaxPooling2D, images(2, 7, 8, 3))


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(2, 12))
def test_windows_are_clipped_and_never_padded(height, width):
    # All negative: a border padded with zeros would show.
    x = images(2, height, width, 3) - 10
    np.testing.assert_array_equal(to_numpy(CeilMaxPooling2D()(x)), ceil_max_pool(x))


def test_unknown_sizes_are_pooled_alike():
    x = keras.Input((None, None, 3))
    model = keras.Model(x, CeilMaxPooling2D()(x))
    for size in [(7, 8), (8, 7), (5, 5), (6, 6)]:
        maps = images(2, *size, 3) - 10
        np.testing.assert_array_equal(
            model.predict(maps, verbose=0), ceil_max_pool(maps)
        )


def test_a_map_that_is_too_small_is_an_error():
    with pytest.raises(ValueError, match="2 or more.*Received: a map of 4 x 1"):
        CeilMaxPooling2D()(images(2, 4, 1, 3))
