"""Train networks one step on two logical CPUs; print a line of JSON for each.

A process of its own: TensorFlow divides a device before its first use only.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from tests.robustness.networks import build
from tests.robustness.networks import images
from tests.robustness.networks import to_numpy
from tests.robustness.training import compiled

LABELS = np.array([0, 1, 2, 0])


def two_devices():
    """Return the strategy that keeps a copy of a network on each of two CPUs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def train(name, strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = compiled(build(name), jit_compile=False)
    before = [to_numpy(weight) for weight in model.trainable_weights]
    # Not `train_on_batch`, which gives every device the whole batch.
    batch = images(len(LABELS), *model.input_shape[1:])
    history = model.fit(batch, LABELS, batch_size=len(LABELS), verbose=0)
    weights = model.trainable_weights
    return {
        "name": name,
        "devices": strategy.num_replicas_in_sync,
        "loss": history.history["loss"][0],
        "unmoved": [
            weight.path
            for weight, old in zip(weights, before, strict=True)
            if np.array_equal(to_numpy(weight), old)
        ],
        "copies_differ": [
            weight.path
            for weight in weights
            if not np.array_equal(*(copy.numpy() for copy in weight.value.values))
        ],
    }


if __name__ == "__main__":
    strategy = two_devices()
    for name in sys.argv[1:]:
        print(json.dumps(train(name, strategy)), flush=True)
        keras.utils.clear_session()
