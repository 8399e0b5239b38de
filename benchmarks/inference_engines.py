"""Run one engine of the inference benchmark in this process.

    python -m benchmarks.inference_engines FOLDER ENGINE

It reads batch sizes from standard input, one per line, and prints the seconds that each
batch took. TensorFlow and PyTorch in the same process would compete for the cores.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

THREADS = len(os.sched_getaffinity(0))
SIZE = 224
# A file that `inference_models` writes into the folder.
FACTS = "facts.json"


def main():
    root, name = Path(sys.argv[1]), sys.argv[2]
    run = ENGINES[name](root)
    print("ready", flush=True)
    batches = {}
    for line in sys.stdin:
        batch = int(line)
        if batch not in batches:
            rng = np.random.default_rng(0)
            pixels = rng.uniform(0, 255, (batch, SIZE, SIZE, 3)).astype("float32")
            batches[batch] = pixels
            for _ in range(2):  # to trace, reorder weights and choose kernels
                run(pixels)
        start = time.perf_counter()
        run(batches[batch])
        print(time.perf_counter() - start, flush=True)


# === TensorFlow ===


def saved_model(name, signature, one_dnn=False):
    """Return a function that makes an engine for a signature of a SavedModel."""

    def make(root):
        if one_dnn:  # as `keras-resattn serve` does
            os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
            os.environ.setdefault("TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "1")
        import tensorflow as tf

        folder = root / name
        path = folder / "1" if (folder / "1").is_dir() else folder
        loaded = tf.saved_model.load(str(path))
        function = loaded.signatures[signature]
        (argument,) = function.structured_input_signature[1]

        def run(pixels):
            outputs = function(**{argument: tf.constant(pixels)})
            return [value.numpy() for value in outputs.values()]

        run.loaded = loaded  # keeps its variables alive
        return run

    return make


# === PyTorch ===


def pytorchcv(compiled=False, channels_last=True, precision="float32"):
    """Return a function that makes an engine for pytorchcv's network in PyTorch."""

    def make(root):
        import torch
        from pytorchcv.models.resattnet import resattnet56

        torch.set_num_threads(THREADS)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        dtype = getattr(torch, precision)
        network = resattnet56().eval().to(memory_format=layout, dtype=dtype)
        if compiled:
            import torch._inductor.config

            torch._inductor.config.freezing = True
            network = torch.compile(network, dynamic=False)

        def run(pixels):
            with torch.inference_mode():
                images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(dtype)
                answers = network(images.contiguous(memory_format=layout))
                return answers.float().numpy()

        return run

    return make


# === Other runtimes ===


def onnx(name):
    """Return a function that makes an engine for an ONNX file in a folder."""

    def make(root):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(
            str(root / name / "model.onnx"),
            options,
            providers=["CPUExecutionProvider"],
        )
        (images,) = session.get_inputs()
        return lambda pixels: session.run(None, {images.name: pixels})

    return make


def openvino(name, precision):
    """Return a function that makes an engine for OpenVINO in a precision."""

    def make(root):
        import openvino

        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": THREADS,
            "PERFORMANCE_HINT": "LATENCY",
        }
        path = str(root / name / "model.xml")
        compiled = openvino.Core().compile_model(path, "CPU", options)
        return lambda pixels: compiled([pixels])[0]

    return make


def litert(root):
    from ai_edge_litert.interpreter import Interpreter

    path = str(root / "litert/model.tflite")
    interpreter = Interpreter(path, num_threads=THREADS)
    (images,) = interpreter.get_input_details()
    (answer,) = interpreter.get_output_details()

    allocated = None

    def run(pixels):
        nonlocal allocated
        if pixels.shape != allocated:
            interpreter.resize_tensor_input(images["index"], pixels.shape)
            interpreter.allocate_tensors()
            allocated = pixels.shape
        interpreter.set_tensor(images["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return run


ENGINES = {
    "plain": saved_model("plain", "predict_images"),
    "optimized": saved_model("optimized", "predict_images", one_dnn=True),
    "bfloat16": saved_model("bfloat16", "predict_images", one_dnn=True),
    "ONNX Runtime": onnx("onnx"),
    "ONNX Runtime int8": onnx("onnx_int8"),
    "OpenVINO": openvino("openvino", "f32"),
    "OpenVINO bfloat16": openvino("openvino", "bf16"),
    "OpenVINO int8": openvino("openvino_int8", "f32"),
    "LiteRT": litert,
    "PyTorch": pytorchcv(channels_last=False),
    "PyTorch channels_last": pytorchcv(),
    "PyTorch compiled": pytorchcv(compiled=True),
    "PyTorch bfloat16": pytorchcv(precision="bfloat16"),
    "PyTorch compiled bfloat16": pytorchcv(compiled=True, precision="bfloat16"),
    "ResNet-152": saved_model("resnet152", "serving_default"),
}


if __name__ == "__main__":
    main()
