"""Measure what 8 bits cost on CIFAR-10: accuracy, and the values of the masks.

    python -m benchmarks.int8 --data-dir ~/tensorflow_datasets

Exports the weights "cifar10" in float32 and in int8, and asks both for all test images.
The int8 model is calibrated on 512 training images. Also quantizes the network with
more and with fewer of the sensitive convolutions, to find what each kind costs.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import onnxruntime

import keras_resattn
from benchmarks.cifar10_images import test_images
from keras_resattn.export import calibration_images
from keras_resattn.export import export_format
from keras_resattn.export import int8

BATCH_SIZE = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    folder = keras_resattn.load_model("cifar10")
    images, truth = test_images(options.data_dir, options.count)
    images = images.astype("float32")
    calibration = calibration_images(folder, "cifar10", options.data_dir)
    print(f"```\npython -m benchmarks.int8 {' '.join(sys.argv[1:])}\n```\n")
    print(
        f"ONNX Runtime {onnxruntime.__version__}, {len(images):,} test images, "
        f"calibrated on {len(calibration.pixels)} training images.\n"
    )
    print(
        "| export | test error, % | same class as float32, % | mean difference of the "
        "masks | megabytes |\n|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as temporary:
        root, sensitive = Path(temporary), int8.sensitive_convolutions
        expected = None
        for name, kept in (
            ("float32", None),
            ("int8", sensitive),
            ("int8, also the first convolution", lambda graph: []),
            (
                "int8 without the last convolutions of the masks",
                lambda graph: sensitive(graph) + _last_of_masks(graph),
            ),
        ):
            chosen = {"calibration": calibration} if kept else {}
            with mock.patch.object(int8, "sensitive_convolutions", kept):
                path, _ = export_format(folder, root / name, "onnx", **chosen)
            file = path / "model.onnx"
            answers = _ask(file, images)
            expected = expected or answers
            print(_row(name, answers, expected, truth, file), flush=True)


def _last_of_masks(graph):
    """Return the names of the convolutions whose output goes into a sigmoid."""
    makers = {output: node for node in graph.node for output in node.output}
    names = []
    for node in graph.node:
        if node.op_type == "Sigmoid":
            while node.op_type != "Conv":
                node = makers[node.input[0]]
            names.append(node.name)
    return names


def _ask(file, images):
    """Return the probabilities and the masks that a file gives for images."""
    model = onnx.load(file)
    masks = [n.output[0] for n in model.graph.node if n.op_type == "Sigmoid"]
    outputs = [model.graph.output[0].name, *masks]
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in masks
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()
    batches = [
        session.run(outputs, {given.name: images[start : start + BATCH_SIZE]})
        for start in range(0, len(images), BATCH_SIZE)
    ]
    # Half precision halves the memory of the masks; its error is far below theirs.
    return [
        np.concatenate(
            [batch[i].astype("float32" if i == 0 else "float16") for batch in batches]
        )
        for i in range(len(outputs))
    ]


def _row(name, answers, expected, truth, file):
    classes = answers[0].argmax(axis=1)
    same = np.mean(classes == expected[0].argmax(axis=1))
    differences = [
        np.mean(np.abs(a[i] - b[i].astype("float32")))
        for a, b in zip(answers[1:], expected[1:], strict=True)
        for i in range(len(a))
    ]
    return (
        f"| {name} | {np.mean(classes != truth) * 100:.2f} | {same * 100:.2f} | "
        f"{np.mean(differences):.4f} | {file.stat().st_size / 1e6:.1f} |"
    )


if __name__ == "__main__":
    main()
