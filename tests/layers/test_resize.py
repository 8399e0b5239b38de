import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_resattn.layers import AlignedResize
from tests.layers.checks import check_channels_first
from tests.layers.checks import check_layer
from tests.layers.checks import images
from tests.layers.checks import to_numpy


def aligned(x, height, width):
    """Resize by NumPy's own interpolation: rows, then columns."""

    def along(x, size, axis):
        positions = np.linspace(0, x.shape[axis] - 1, size)
        known = np.arange(x.shape[axis])
        return np.apply_along_axis(
            lambda line: np.interp(positions, known, line), axis, x
        )

    return along(along(x, height, 1), width, 2)


def test_checklist():
    x = [images(2, 4, 5, 3), images(2, 7, 11, 2)]
    check_layer(AlignedResize, x, (2, 7, 11, 3))


def test_channels_first_is_the_same():
    check_channels_first(AlignedResize, [images(2, 4, 5, 3), images(2, 7, 11, 2)])


def test_corners_stay_and_the_middle_is_the_mean():
    x = np.array([[1.0, 3.0], [5.0, 11.0]], "float32")[None, :, :, None]
    y = to_numpy(AlignedResize()([x, np.zeros((1, 3, 3, 1))]))[0, :, :, 0]
    np.testing.assert_allclose(y, [[1, 2, 3], [3, 5, 7], [5, 8, 11]], atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(*[st.integers(1, 9)] * 2, *[st.integers(1, 20)] * 2)
def test_equals_interpolation_by_numpy(h, w, height, width):
    x = images(2, h, w, 3)
    y = AlignedResize()([x, np.zeros((2, height, width, 1))])
    np.testing.assert_allclose(to_numpy(y), aligned(x, height, width), atol=1e-5)


def test_values_of_the_reference_do_not_matter():
    x, reference = images(1, 4, 4, 2), images(1, 8, 8, 2)
    y = AlignedResize()([x, reference])
    np.testing.assert_array_equal(
        to_numpy(y), to_numpy(AlignedResize()([x, 100 * reference]))
    )


def test_the_same_size_changes_nothing():
    x = images(1, 5, 6, 2)
    np.testing.assert_allclose(to_numpy(AlignedResize()([x, x])), x, atol=1e-6)


def test_unknown_sizes_are_resolved_when_called():
    x, reference = keras.Input((None, None, 2)), keras.Input((None, None, 1))
    model = keras.Model([x, reference], AlignedResize()([x, reference]))
    small, large = images(2, 4, 6, 2), images(2, 9, 5, 1)
    y = model.predict([small, large], verbose=0)
    np.testing.assert_allclose(y, aligned(small, 9, 5), atol=1e-5)


def test_half_precision_interpolates_in_float32():
    # 1/55 and its multiples need more bits than bfloat16's eight.
    x = np.linspace(0, 1, 28, dtype="float32")[None, :, None, None]
    y = AlignedResize(dtype="bfloat16")([x, np.zeros((1, 56, 1, 1), "float32")])
    expected = np.linspace(0, 1, 56)[None, :, None, None]
    y = to_numpy(keras.ops.cast(y, "float32"))
    np.testing.assert_allclose(y, expected, atol=2**-8)


@pytest.mark.parametrize("bad", [1, 3])
def test_other_than_two_tensors_is_an_error(bad):
    with pytest.raises(ValueError, match="the map and the reference. Received"):
        AlignedResize()([images(1, 4, 4, 1)] * bad)
