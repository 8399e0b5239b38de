"""Every network on images of any size, any channels, in both data formats."""

import numpy as np
import pytest

from tests.robustness.networks import APPLICATIONS
from tests.robustness.networks import FAST
from tests.robustness.networks import NETWORKS
from tests.robustness.networks import ROOMY
from tests.robustness.networks import SMALLEST
from tests.robustness.networks import build
from tests.robustness.networks import every
from tests.robustness.networks import images
from tests.robustness.networks import settle
from tests.robustness.networks import to_numpy

pytestmark = [
    pytest.mark.usefixtures("a_fresh_start"),
    # keras.applications warns of channels it has no pretrained weights for.
    pytest.mark.filterwarnings("ignore:This model usually expects 1 or 3"),
]

SIZES = [(32, 32), (75, 75), (97, 97), (123, 201), (224, 224), (299, 299), (320, 320)]
FAST_SIZES = [(32, 32), (123, 201)]


def name_and_size(name, size):
    fast = name in FAST and size in FAST_SIZES
    title = f"{name}-{size[0]}x{size[1]}"
    return pytest.param(name, size, marks=() if fast else pytest.mark.slow, id=title)


def check_probabilities(model, *shape):
    probabilities = to_numpy(model(images(*shape)))
    assert probabilities.shape == (shape[0], 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", every())
def test_any_channels(name, channels):
    size = SMALLEST[name]
    model = build(name, channels=channels)
    check_probabilities(model, 2, size, size, channels)


@pytest.mark.parametrize(
    ("name", "size"), [name_and_size(name, size) for name in NETWORKS for size in SIZES]
)
def test_any_size(name, size):
    if min(size) < SMALLEST[name]:
        smallest = SMALLEST[name]
        with pytest.raises(ValueError, match=f"at least {smallest}x{smallest}"):
            build(name, size)
    else:
        check_probabilities(build(name, size), 1, *size, 3)


@pytest.mark.parametrize("name", every())
def test_open_size(name):
    open_size = (None, None)
    if name in APPLICATIONS:
        # Keras' own refusal; without a classifier these take any size, too.
        with pytest.raises(ValueError, match="input_shape"):
            build(name, open_size)
        model = build(name, open_size, include_top=False, pooling="avg")
        width = model.output_shape[-1]
        for size in ((75, 75), (97, 123)):
            features = to_numpy(model(images(1, *size, 3)))
            assert features.shape == (1, width)
            assert np.isfinite(features).all()
    else:
        model = build(name, open_size)
        for size in ((SMALLEST[name],) * 2, (97, 123)):
            check_probabilities(model, 1, *size, 3)


@pytest.mark.parametrize("name", every())
def test_channels_first_is_the_same(name, channels_first):
    # TensorFlow's CPU kernels know no channels-first: Keras transposes for them.
    size = ROOMY[SMALLEST[name]]
    batch = images(4, size, size + 3, 3)
    last = build(name, (size, size + 3), classifier_activation=None)
    settle(last, batch)
    channels_first()
    first = build(name, (size, size + 3), classifier_activation=None)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(
        to_numpy(first(batch.transpose(0, 3, 1, 2))),
        to_numpy(last(batch)),
        atol=1e-4,
    )
