"""Every network computes the same on TensorFlow, JAX and PyTorch from one file.

Slow as a whole: a process for each network and backend. The other two backends
are there in `make test-all`, not in `make test`.
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.robustness.compute_outputs import compute
from tests.robustness.networks import NETWORKS
from tests.robustness.networks import ROOMY
from tests.robustness.networks import SMALLEST
from tests.robustness.networks import build
from tests.robustness.networks import images
from tests.robustness.networks import settle
from tests.robustness.processes import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=NETWORKS)
def files(request):
    """A network's name and a folder of images, weights and TensorFlow's outputs."""
    name = request.param
    size = ROOMY[SMALLEST[name]]
    batch = images(4, size, size, 3)
    # Not pytest's folder, which it keeps: up to 500 MB for each network.
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        keras.utils.set_random_seed(0)
        model = build(name, size, classifier_activation=None)
        settle(model, batch)
        np.save(folder / "images.npy", batch)
        model.save(folder / "model.keras")
        model.save_weights(folder / "model.weights.h5")
        compute(name, folder)
        yield name, folder
    keras.utils.clear_session()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_outputs_are_tensorflows(files, backend):
    name, folder = files
    run("compute_outputs", name, folder, backend=backend)
    expected = np.load(folder / "tensorflow.npz")
    outputs = np.load(folder / f"{backend}.npz")
    # The logits differ from image to image and are not saturated.
    assert np.ptp(expected["logits"], axis=0).max() > 0.01
    assert expected["probabilities"].max() < 0.9999
    np.testing.assert_allclose(
        outputs["probabilities"], expected["probabilities"], atol=1e-4
    )
    np.testing.assert_allclose(
        outputs["logits"], expected["logits"], rtol=1e-3, atol=3e-4
    )
