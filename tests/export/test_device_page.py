"""The example of docs/on_a_device.md."""

import numpy as np
import pytest
from PIL import Image

import keras_resattn
from keras_resattn.export.formats import export_format
from tests.documentation import python_examples


@pytest.mark.slow
def test_the_example_predicts_what_keras_predicts(tmp_path, monkeypatch, capsys):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    # In the size of the network, because libraries resize differently.
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), "uint8")
    Image.fromarray(pixels).save("photo.jpg", format="png")  # lossless
    model = keras_resattn.load_model("cifar10")
    export_format(model, "device", "litert")
    capsys.readouterr()
    (example,) = python_examples("on_a_device.md")
    exec(example, {})
    label, probability = capsys.readouterr().out.split()[-2:]
    (expected,) = model.predict(["photo.jpg"])
    assert label == model.labels[expected.argmax()]
    assert float(probability) == pytest.approx(expected.max(), abs=1e-3)
