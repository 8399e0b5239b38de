"""What needs an extra that is not installed fails before any work begins."""

import sys

import numpy as np
import pytest

from keras_resattn import explain
from keras_resattn.explain import metrics

MAPS = np.zeros((1, 4, 4))
CALLS = {
    "the report": ("jinja2", lambda out: explain.write_report(None, out)),
    "explanations": (
        "matplotlib",
        lambda out: explain.write_explanations(None, ["missing.png"], out),
    ),
    "their page": (
        "jinja2",
        lambda out: explain.write_explanations(None, ["missing.png"], out),
    ),
    "evidence": (
        "tf_keras_vis",
        lambda out: explain.class_evidence(None, np.zeros((1, 4, 4, 3))),
    ),
    "mask patterns": (
        "sklearn",
        lambda out: explain.mask_patterns(np.zeros((1, 4, 4, 2))),
    ),
    "explanations with patterns": (
        "sklearn",
        lambda out: explain.write_explanations(None, ["missing.png"], out),
    ),
    "the figure of evidence": (
        "tf_keras_vis",
        lambda out: explain.evidence_figure([], {}, ["grad_cam"]),
    ),
    "ROAD": ("scipy", lambda out: metrics.road(None, None, MAPS, [0])),
    "correlation": ("scipy", lambda out: metrics.rank_correlation(MAPS, MAPS)),
    "randomization": ("scipy", lambda out: metrics.parameter_randomization(None, None)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_extra_is_an_error_before_any_work(call, tmp_path, monkeypatch):
    module, run = CALLS[call]
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"pip install .*\[vis\].*Received: missing modules \['{module}'\]"
    with pytest.raises(ImportError, match=message):
        run(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_evidence_is_checked_before_images_are_read(model_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf_keras_vis", None)

    def batches():
        raise AssertionError("a batch was read")
        yield

    with pytest.raises(ImportError, match=r"pip install .*\[vis\]"):
        explain.explain_batches(model_folder.model, batches(), evidence=["grad_cam"])
    with pytest.raises(ValueError, match="`method` must be one of.*gradcam"):
        explain.explain_batches(model_folder.model, batches(), evidence=["gradcam"])
