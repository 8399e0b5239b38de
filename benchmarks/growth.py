"""Measure how time and memory grow with batch, resolution, depth and devices.

    python -m benchmarks.growth results/growth.png

Each point is measured in a process of its own: the seconds to build the network, of the
first step with its tracing, and of a later step (the minimum of a few), and the peak
memory. Work is the multiply-adds of a step's images. Time or memory that grows faster
than work is a defect.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

from benchmarks.training import two_workers

BATCHES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (96, 160, 224, 320, 448)
DEPTHS = (56, 92, 128, 164, 236, 452)
DEVICES = ("1 device", "2 logical devices", "2 processes")
BATCH_SIZE = 8
DEVICE_BATCH = 32


def points():
    """Return the points of each series: `(variable, options of measure)`."""
    return {
        "batch, inference": [
            (n, {"batch": n, "size": 224, "steps": 4}) for n in BATCHES
        ],
        "batch, training": [
            (n, {"batch": n, "depth": 56, "train": True}) for n in BATCHES
        ],
        "resolution, inference": [(n, {"batch": 2, "size": n}) for n in SIZES],
        "resolution, training": [
            (n, {"batch": 2, "size": n, "train": True}) for n in SIZES
        ],
        "depth, inference": [(n, {"batch": BATCH_SIZE, "depth": n}) for n in DEPTHS],
        "depth, training": [
            (n, {"batch": BATCH_SIZE, "depth": n, "train": True}) for n in DEPTHS
        ],
        "devices, training": [
            (n, {"batch": DEVICE_BATCH, "depth": 56, "train": True, "devices": n})
            for n in DEVICES
        ],
    }


def measure(batch, size=None, depth=None, train=False, devices=DEVICES[0], steps=2):
    """Measure one point, in this process.

    Args:
        batch: Integer, images per step.
        size: Integer, height and width of the images of Attention-56. Give this or
            `depth`.
        depth: Integer, the depth of a network for CIFAR-10's images.
        train: Boolean, whether to measure training steps or inference.
        devices: One of `DEVICES`, which share the batch.
        steps: Integer, the number of steps, of which the fastest is reported.

    Returns:
        A dictionary: seconds (`build`, `first`, `step`), memory in GiB after building
        (`base_GiB`) and at its peak (`GiB`), and the multiply-adds of a step (`work`).
    """
    import numpy as np

    strategy = strategy_of(devices)
    import keras_resattn

    started = time.perf_counter()
    with strategy.scope():
        if depth:
            model = getattr(keras_resattn.cifar, f"Attention{depth}")()
        else:
            model = keras_resattn.Attention56(input_shape=(size, size, 3))
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    build = time.perf_counter() - started
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    images = np.zeros((batch, *model.input_shape[1:]), "float32")
    step = step_of(model, images, np.zeros(batch, "int64"), train, strategy)
    seconds = [timed(step) for _ in range(steps + 1)]
    return {
        "build": build,
        "first": seconds[0],
        "step": min(seconds[1:]),
        "base_GiB": base,
        "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "work": keras_resattn.complexity(model).multiply_adds * batch,
    }


def strategy_of(devices):
    import tensorflow as tf

    if devices == DEVICES[1]:
        cpu = tf.config.list_physical_devices("CPU")[0]
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
        return tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"],
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
    if devices == DEVICES[2]:
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def step_of(model, images, labels, train, strategy):
    """Return a function that runs one step and waits until it is finished.

    The step calls the model in a `tf.function`, without Keras' `fit`, which would add
    the same time to each point.
    """
    import tensorflow as tf

    count = len(labels)
    share = count // strategy.num_replicas_in_sync
    images, labels = tf.constant(images[:share]), tf.constant(labels[:share])

    def infer():
        return tf.reduce_sum(model(images, training=False))

    def learn():
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            losses = model.compute_loss(images, labels, outputs)
        variables = model.trainable_variables
        gradients = tape.gradient(losses, variables)
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(1e-4 * gradient)
        return losses

    if not train:
        return tf.function(infer)
    if strategy.num_replicas_in_sync == 1:
        return tf.function(learn)
    return tf.function(lambda: strategy.run(learn))


def timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def in_process(options):
    """Measure a point in one or two new processes; return what the first measured."""
    command = [sys.executable, "-m", "benchmarks.growth", "--point"]
    command.append(json.dumps(options))
    clusters = two_workers() if options.get("devices") == DEVICES[2] else [{}]
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **cluster},
        )
        for cluster in clusters
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        return None
    return json.loads(outputs[0].splitlines()[-1])


def print_series(name, options):
    """Measure and print a series; return its points."""
    print(
        f"\n| {name} | build, s | first step, s | step, ms | ms per G multiply-adds "
        "| GiB | GiB above the built network |\n|---|---|---|---|---|---|---|"
    )
    found = []
    for variable, point in options:
        row = in_process(point)
        if row is None:
            print(f"| {variable} | failed | | | | | |", flush=True)
            continue
        found.append((variable, row))
        print(
            f"| {variable} | {row['build']:.1f} | {row['first']:.1f} "
            f"| {row['step'] * 1e3:.0f} | {row['step'] * 1e12 / row['work']:.1f} "
            f"| {row['GiB']:.2f} | {row['GiB'] - row['base_GiB']:.2f} |",
            flush=True,
        )
    return found


def plot(series, file):
    """Draw time and memory of each series against its work."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(8, 3.6), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    for name, found in series.items():
        work = [row["work"] / 1e9 for _, row in found]
        time_axes.loglog(work, [row["step"] for _, row in found], "o-", label=name)
        extra = [max(1e-3, row["GiB"] - row["base_GiB"]) for _, row in found]
        memory_axes.loglog(work, extra, "o-")
    for axes, title in (
        (time_axes, "seconds per step"),
        (memory_axes, "GiB above the built network"),
    ):
        axes.set(title=title, xlabel="G multiply-adds, forward")
    time_axes.legend(fontsize=6)
    figure.savefig(file, dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figure", nargs="?", help="a PNG file to write")
    parser.add_argument("--series", nargs="+", choices=points(), default=list(points()))
    parser.add_argument(
        "--point", type=json.loads, help="measure only this point; print JSON"
    )
    options = parser.parse_args()
    if options.point is not None:
        print(json.dumps(measure(**options.point)))
        return
    every = points()
    series = {name: print_series(name, every[name]) for name in options.series}
    if options.figure:
        plot(series, options.figure)


if __name__ == "__main__":
    main()
