"""Try one kernel for the gradients of a batch normalization and the ReLU after it.

    python -m benchmarks.normalization_gradient

Compiles `normalization_gradient.cc` with g++, compares its results with those of
TensorFlow's two kernels, and adds up the times of all batch normalizations of a step.
The package has no such kernel: NOTES.md says what it gains.
"""

import collections
import os
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf

import keras_resattn
from benchmarks.first_step import timed
from keras_resattn.views.graph import flatten_layers

SOURCE = Path(__file__).with_suffix(".cc")
FLAGS = ("-shared", "-fPIC", "-O3", "-march=native", "-ffast-math", "-w")
FLAGS += ("-mprefer-vector-width=512", "-fno-strict-aliasing")
ROUNDS = 15
EPSILON = 1e-5


def main():
    fused = compiled()
    networks = {
        "Attention-56 at 224, batch 8": (keras_resattn.Attention56(), 8),
        "CIFAR's Attention-56, batch 128": (keras_resattn.cifar.Attention56(), 128),
    }
    print("| | TensorFlow, ms | one kernel, ms |\n|---|---|---|")
    for name, (model, batch) in networks.items():
        counts = shapes(model, batch)
        for dtype in ("float32", "bfloat16"):
            times = sum(n * measure(fused, s, dtype) for s, n in counts.items())
            cells = " | ".join(f"{value * 1e3:.0f}" for value in times)
            print(f"| {name}, {dtype} | {cells} |", flush=True)


def compiled():
    """Return the operation that is compiled from the source."""
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/kernel.so"
        command = ["g++", *FLAGS, str(SOURCE), "-o", library]
        flags = tf.sysconfig.get_compile_flags() + tf.sysconfig.get_link_flags()
        subprocess.run([*command, *flags], check=True)
        return tf.load_op_library(library).normalization_relu_gradient


def shapes(model, batch):
    """Return how many batch normalizations get maps of each shape."""
    found = collections.Counter()

    def recording(call):
        def record(inputs, *args, **kwargs):
            found[(batch, *inputs.shape[1:])] += 1
            return call(inputs, *args, **kwargs)

        return record

    for layer in flatten_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = recording(layer.call)
    model(np.zeros((1, *model.input_shape[1:]), "float32"))
    return found


def measure(fused, shape, dtype):
    """Return the seconds of TensorFlow's kernels and of the fused one, an array."""
    rng = np.random.default_rng(0)
    x, gradient = (tf.cast(rng.normal(size=shape), dtype) for _ in range(2))
    gamma = tf.cast(rng.uniform(0.5, 1.5, shape[-1]), "float32")
    beta = tf.cast(rng.normal(size=shape[-1]) * 0.1, "float32")
    normalized, *_, saved, also_saved, more = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=EPSILON
    )
    mean, variance = tf.nn.moments(tf.cast(x, "float32"), [0, 1, 2])
    outputs, rsqrt = tf.nn.relu(normalized), tf.math.rsqrt(variance + EPSILON)

    @tf.function
    def theirs():
        return tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=tf.raw_ops.ReluGrad(gradients=gradient, features=outputs),
            x=x,
            scale=gamma,
            reserve_space_1=saved,
            reserve_space_2=also_saved,
            reserve_space_3=more,
            epsilon=EPSILON,
        )[:3]

    @tf.function
    def ours():
        return fused(
            gradient=gradient, x=x, gamma=gamma, beta=beta, mean=mean, rsqrt=rsqrt
        )

    for expected, found in zip(theirs(), ours(), strict=True):
        expected, found = (tf.cast(value, "float32") for value in (expected, found))
        # Where the ReLU's input is zero but for rounding, its sign may differ.
        assert np.mean(np.isclose(found, expected, rtol=0.02, atol=0.05)) > 0.9999
    return np.min([(timed(theirs), timed(ours)) for _ in range(ROUNDS)], axis=0)


if __name__ == "__main__":
    main()
