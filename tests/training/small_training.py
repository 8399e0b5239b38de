"""A training of seconds, as a program: `python -m tests.training.small_training`.

It prints nothing; losses and weights are in the `.npz` file that is its argument.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.training import distribution
from keras_resattn.training.multi_worker import enable_distributed_fit
from keras_resattn.training.multi_worker import whole_batches
from keras_resattn.training.synchronized_normalization import (
    synchronize_batch_normalization,
)

BATCH = 8


def train(strategy, epochs=2):
    """Return the history and weights of a small network with normalizations.

    The 24 images are trained on in 3 batches; the 13 tested on are 1.6 batches.
    """
    keras.utils.set_random_seed(1)
    with distribution.scope(strategy):
        model = small_model()
        model.compile(
            keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
            keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            metrics=["accuracy"],
            jit_compile=False,
        )
    if isinstance(strategy, tf.distribute.Strategy):
        synchronize_batch_normalization(model)
    enable_distributed_fit(model, strategy)
    rng = np.random.default_rng(0)
    batches = images(rng, 24).repeat().batch(BATCH, drop_remainder=True)
    test = images(rng, 13).batch(distribution.test_batch_size(strategy, BATCH, 13))
    history = model.fit(
        batches,
        steps_per_epoch=3,
        epochs=epochs,
        validation_data=whole_batches(test, BATCH, strategy),
        shuffle=False,
        verbose=0,
    ).history
    weights = {f"weight{i}": w.numpy() for i, w in enumerate(model.weights)}
    return model, {**{name: np.array(v) for name, v in history.items()}, **weights}


def small_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, "softmax"),
        ]
    )


def images(rng, count):
    pixels = rng.normal(size=(count, 8, 8, 3)).astype("float32")
    labels = np.eye(3, dtype="float32")[rng.integers(0, 3, count)]
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    images = tf.data.Dataset.from_tensor_slices((pixels, labels))
    return images.with_options(options)


def split_cpu(count):
    """Let TensorFlow see this machine's CPU as several devices."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--distribution", default="none")
    parser.add_argument("--devices", type=int, default=1)
    options = parser.parse_args()
    if options.devices > 1:
        split_cpu(options.devices)
    strategy = distribution.choose_strategy(options.distribution, timeout=60)
    _, results = train(strategy)
    np.savez(options.out, **results)
    distribution.check_workers_agree(strategy, 0, "the end")
    distribution.undistribute(strategy)
