"""Every network, saved and loaded. More of it: tests/models/test_saving.py."""

import keras
import numpy as np
import pytest

from tests.robustness.networks import SMALLEST
from tests.robustness.networks import build
from tests.robustness.networks import every
from tests.robustness.networks import images
from tests.robustness.networks import settle
from tests.robustness.networks import to_numpy

pytestmark = pytest.mark.usefixtures("a_fresh_start")


@pytest.mark.parametrize("name", every(fast=["tiny"]))
def test_a_network_is_loaded_as_it_was_saved(name, tmp_path):
    batch = images(4, SMALLEST[name], SMALLEST[name], 3)
    model = build(name, classifier_activation=None)
    settle(model, batch)
    outputs = to_numpy(model(batch))
    assert np.isfinite(outputs).all()

    archive = tmp_path / "model.keras"
    weights = tmp_path / "model.weights.h5"
    model.save(archive)
    model.save_weights(weights)
    loaded = keras.saving.load_model(archive)
    np.testing.assert_array_equal(to_numpy(loaded(batch)), outputs)
    for path in (archive, weights):
        again = build(name, classifier_activation=None, weights=str(path))
        np.testing.assert_array_equal(to_numpy(again(batch)), outputs)
        path.unlink()  # up to 260 MB each
