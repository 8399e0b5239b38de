"""Write the models of the inference benchmark: exports of Attention-56, a ResNet-152.

    python -m benchmarks.inference_models FOLDER

The weights, and the images to quantize by, are random, because speed does not depend on
them.
"""

import json
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_resattn
from benchmarks.inference import precisions
from benchmarks.inference_engines import FACTS
from keras_resattn.export import Calibration
from keras_resattn.export import export
from keras_resattn.export import export_format
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.files import load_recipe
from keras_resattn.zoo import NETWORKS

SAVED_MODELS = {
    "plain": {"optimize": False},
    "optimized": {},
    "bfloat16": {"precision": "bfloat16"},
}
FORMATS = ("onnx", "openvino", "litert")
QUANTIZED = ("onnx", "openvino")


def main():
    root = Path(sys.argv[1])
    folder = make_folder(root / "model", keras_resattn.Attention56())
    picture = root / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), "uint8")
    picture.write_bytes(tf.io.encode_png(pixels).numpy())
    for name, options in SAVED_MODELS.items():
        if options.get("precision", "float32") not in precisions():
            continue
        path = root / name / "1"
        export(folder, path, warmup=False, images=[picture], **options)
    for format in FORMATS:
        export_format(folder, root / format, format, images=[picture])
    noise = np.random.default_rng(1).uniform(0, 255, (20, 224, 224, 3))
    calibration = Calibration("noise", *np.split(noise.astype("float32"), [16]))
    for format in QUANTIZED:
        path = root / f"{format}_int8"
        export_format(folder, path, format, calibration=calibration)
    facts = {"multiply_adds": NETWORKS["attention56"].multiply_adds}
    (root / FACTS).write_text(json.dumps(facts))
    keras.applications.ResNet152(weights=None).export(
        str(root / "resnet152"), verbose=False
    )


def make_folder(path, model):
    """Write and return a model folder of an untrained ImageNet model."""
    path.mkdir(parents=True)
    classes = model.output_shape[-1]
    settings = {
        "network.name": "attention56",
        "network.input_shape": list(model.input_shape[1:]),
    }
    settings = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    recipe = load_recipe("demo", settings, to_build=False)
    (path / RECIPE).write_text(recipe.to_yaml())
    (path / LABELS).write_text("".join(f"class {i}\n" for i in range(classes)))
    model.save(path / MODEL)
    return ModelFolder.open(path)


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    main()
