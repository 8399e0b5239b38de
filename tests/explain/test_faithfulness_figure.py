"""The figure of deletion and insertion: means, bands, legend, errors."""

import numpy as np
import pytest

from keras_resattn import explain

pytestmark = pytest.mark.one_backend


def curves(rng, names=("grad_cam", "random", "gaussian"), count=20):
    return {name: rng.uniform(size=(count, 9)) for name in names}


def test_lines_and_bands_are_the_mean_and_its_error():
    rng = np.random.default_rng(0)
    deletion, insertion = curves(rng), curves(rng)
    figure = explain.faithfulness_figure(deletion, insertion)
    for axis, given in zip(figure.axes, (deletion, insertion), strict=True):
        drawn = {line.get_label().split(":")[0]: line for line in axis.lines}
        assert set(drawn) == set(given)
        for band, (name, values) in zip(axis.collections, given.items(), strict=True):
            np.testing.assert_allclose(drawn[name].get_ydata(), values.mean(axis=0))
            error = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(20)
            heights = band.get_paths()[0].vertices[:, 1]
            for edge in (values.mean(axis=0) + error, values.mean(axis=0) - error):
                assert all(np.abs(heights - y).min() < 1e-6 for y in edge)
            area = np.trapezoid(values.mean(axis=0), dx=1 / 8)
            assert drawn[name].get_label() == f"{name}: {area:.2f}"


def test_baselines_are_dashed_and_other_lines_are_not():
    rng = np.random.default_rng(0)
    axis = explain.faithfulness_figure(curves(rng), curves(rng)).axes[0]
    styles = {
        line.get_label().split(":")[0]: line.get_linestyle() for line in axis.lines
    }
    assert styles == {"grad_cam": "-", "random": ":", "gaussian": "--"}


def test_the_names_must_be_the_same():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"same maps .*Received: \['a'\] and \['b'\]"):
        explain.faithfulness_figure(curves(rng, ["a"]), curves(rng, ["b"]))


@pytest.mark.parametrize("shape", [(9,), (1, 9)])
def test_one_image_has_no_error_band(shape):
    with pytest.raises(ValueError, match=r"two images or more.*Received: 'a' of shape"):
        explain.faithfulness_figure({"a": np.zeros(shape)}, {"a": np.zeros(shape)})
