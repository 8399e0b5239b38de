"""A mask's range, whatever the input: by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_resattn.layers import LocalMaskBranch
from keras_resattn.layers import SoftMaskBranch
from keras_resattn.layers.mask import MASK_ACTIVATIONS
from tests.robustness.networks import to_numpy

FILTERS = 4

sizes = st.integers(4, 20)
scales = st.sampled_from([0.0, 1e-4, 1.0, -100.0, 1e4])
seeds = st.integers(0, 999)


def maps(height, width, scale, seed, constant):
    random = np.random.default_rng(seed)
    shape = (2, 1, 1, FILTERS) if constant else (2, height, width, FILTERS)
    values = scale * random.standard_normal(shape)
    return np.broadcast_to(values, (2, height, width, FILTERS)).astype("float32")


def check_range(mask, x, activation):
    assert mask.shape == x.shape
    assert np.isfinite(mask).all()
    lowest = -1 if activation == "channel" else 0
    assert mask.min() >= lowest - 1e-6
    assert mask.max() <= 1 + 1e-6


@pytest.mark.parametrize("activation", MASK_ACTIVATIONS)
@settings(deadline=None, max_examples=40)
@given(sizes, sizes, scales, seeds, st.booleans())
def test_an_activations_range(activation, height, width, scale, seed, constant):
    x = maps(height, width, scale, seed, constant)
    mask = to_numpy(MASK_ACTIVATIONS[activation](x, "channels_last"))
    check_range(mask, x, activation)
    if activation == "channel":
        norms = np.linalg.norm(mask, axis=-1)
        # Where the map itself is next to nothing its direction is left out.
        clear = np.linalg.norm(x, axis=-1) > 0.1
        np.testing.assert_allclose(norms[clear], 1, atol=1e-3)
        assert norms.max() <= 1 + 1e-5
    if activation == "spatial" and constant and abs(scale) <= 1:
        # All but the rounding of the mean, a thousandfold.
        np.testing.assert_allclose(mask, 0.5, atol=0.02)


@pytest.mark.parametrize("activation", MASK_ACTIVATIONS)
@pytest.mark.parametrize("structure", ["encoder_decoder", "local"])
@settings(deadline=None, max_examples=4)
@given(sizes, sizes, scales, seeds, st.booleans(), st.booleans())
def test_a_branchs_range(
    structure, activation, height, width, scale, seed, constant, training
):
    branch = LocalMaskBranch if structure == "local" else SoftMaskBranch
    x = maps(height, width, scale, seed, constant)
    mask = branch(FILTERS, depth=2, activation=activation)(x, training=training)
    check_range(to_numpy(mask), x, activation)
