"""What a command needs is checked before it begins, and named with the remedy."""

import re
import sys

import pytest


def commands(out):
    """Return command lines with the extra and a module that they need."""
    model, image = out.parent / "no_model", out.parent / "no_image.png"
    table = out.with_suffix(".csv")
    server = ("--server", "http://127.0.0.1:1", "--model", "small")
    return [
        (
            ("train", "demo", "--out", out, "--tensorboard"),
            "tensorboard",
            "tensorboard",
        ),
        (("train", "demo", "--out", out, "--logger", "wandb"), "wandb", "wandb"),
        (("train", "demo", "--out", out, "--logger", "mlflow"), "mlflow", "mlflow"),
        (("train", "demo", "--out", out, "--engine", "ray"), "ray", "ray"),
        (
            ("predict", image, "--out", table, *server),
            "client",
            "httpx",
        ),
        (("predict", model, image, "--out", table, "--engine", "ray"), "ray", "ray"),
        (("masks", model, image, "--out", out), "vis", "matplotlib"),
        (("masks", model, image, "--out", out), "vis", "sklearn"),
        (("explain", model, image, "--out", out), "vis", "sklearn"),
        (("explain", model, image, "--out", out), "vis", "jinja2"),
        (
            ("explain", model, image, "--out", out, "--evidence", "grad_cam"),
            "vis",
            "tf_keras_vis",
        ),
        (("explore", model), "explore", "gradio"),
        (("report", model, "--out", out), "vis", "matplotlib"),
        (("response", model, "--out", out), "vis", "matplotlib"),
        (("export", model, out / "1", "--format", "onnx"), "onnx", "tf2onnx"),
        (("export", model, out / "1", "--format", "openvino"), "openvino", "openvino"),
        (("export", model, out / "1", "--warmup"), "serve", "tensorflow_serving"),
        (("serve", out), "serve", "uvicorn"),
    ]


def test_a_missing_extra_is_named_before_any_work(run, tmp_path):
    for arguments, extra, module in commands(tmp_path / "new"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            code, output, errors = run(*arguments)
        assert (code, output) == (1, ""), (arguments, errors)
        assert re.fullmatch(
            rf"Error: .* needs the extra `{extra}`\. Install it: pip install "
            rf".*\[{extra}\].*\. Received: missing modules \[.*'{module}'.*\]\n",
            errors,
        ), (arguments, errors)
        assert not list(tmp_path.iterdir()), arguments
