"""Try 8 bits in LiteRT, which `keras-resattn export` does not offer.

    python -m benchmarks.litert_int8 --data-dir ~/tensorflow_datasets

Quantizes by TensorFlow's converter, and prints the test error of the weights "cifar10"
and the time of Attention-56 at 224, in float32 and in int8, in turn.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

import keras_resattn
from benchmarks.cifar10_images import test_images
from keras_resattn.export import calibration_images
from keras_resattn.export.formats import of_pixels
from keras_resattn.export.precision import prepare

BATCH_SIZE = 100
ROUNDS = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    print("| | float32 | int8 |\n|---|---|---|")
    errors = _errors(options.data_dir, options.count)
    print(f"| error on {options.count:,} test images, % | {_cells(errors, 2)} |")
    for batch, times in _times().items():
        print(f"| batch {batch} at 224, ms an image | {_cells(times, 1)} |", flush=True)


def _cells(values, digits):
    return " | ".join(f"{value:.{digits}f}" for value in values)


def _errors(data_dir, count):
    folder = keras_resattn.load_model("cifar10")
    images, truth = test_images(data_dir, count)
    calibration = calibration_images(folder, "cifar10", data_dir)
    model = of_pixels(prepare(folder.model, fold=True), folder.preprocessing)
    for pixels in (None, calibration.pixels):
        run = _runner(_convert(model, pixels), BATCH_SIZE)
        starts = range(0, count, BATCH_SIZE)
        answers = [run(images[i : i + BATCH_SIZE].astype("float32")) for i in starts]
        yield np.mean(np.concatenate(answers).argmax(axis=1) != truth) * 100


def _times():
    model = prepare(keras_resattn.Attention56(weights=None), fold=True)
    images = np.random.default_rng(0).uniform(-1, 1, (8, 224, 224, 3)).astype("float32")
    files = [_convert(model, pixels) for pixels in (None, images)]
    times = {}
    for batch in (1, 8):
        runs = [_runner(file, batch) for file in files]
        rounds = [
            [_seconds(run, images[:batch]) for run in runs] for _ in range(ROUNDS)
        ]
        times[batch] = np.min(rounds, axis=0) / batch * 1000
    return times


def _seconds(run, images):
    started = time.perf_counter()
    run(images)
    return time.perf_counter() - started


def _convert(model, pixels):
    """Return a LiteRT file, of 8 bits if there are pixels to calibrate on."""
    given = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    function = tf.function(lambda images: model(images)).get_concrete_function(given)
    # The calibrator cannot read variables.
    constant = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([constant])
    if pixels is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in pixels)
    return converter.convert()


def _runner(file, batch):
    interpreter = Interpreter(model_content=file, num_threads=2)
    (given,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(given["index"], (batch, *given["shape"][1:]))
    interpreter.allocate_tensors()
    (answer,) = interpreter.get_output_details()

    def run(images):
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return run


if __name__ == "__main__":
    main()
