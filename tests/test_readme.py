"""The Python examples of the README run as they are."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from keras_resattn.weights.table import read_table

README = Path(__file__).parents[1] / "README.md"


def test_the_python_examples_run(tmp_path, monkeypatch, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    text = README.read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    found = {}
    for example in examples:
        exec(example, found)
    assert "'airplane'" in capsys.readouterr().out
    assert "stage3_attention1" in found["masks"].output
    assert found["mine"].count_params() > found["body"].count_params()


def test_it_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_its_errors_are_those_of_the_weights():
    text = README.read_text(encoding="utf-8")
    shipped = {info.name: f"{1 - info.accuracy:.2%}" for info in read_table()}
    errors = {name: error.replace("%", " %") for name, error in shipped.items()}
    for name, error in errors.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*", text, re.MULTILINE)
        assert f"| {error} |" in row
    for attention, name in (("residual", "cifar10"), ("naive", "cifar10_naive")):
        (row,) = re.findall(rf"^\| Attention-56 \| {attention} .*", text, re.MULTILINE)
        assert f"| {errors[name]} |" in row
    assert f"({errors['cifar10']} error on its 10,000 test images)" in text
