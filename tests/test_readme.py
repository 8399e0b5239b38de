"""The Python examples of the README run as they are."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

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
