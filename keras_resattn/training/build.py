"""The compiled model that a recipe describes."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.training.distribution import scope
from keras_resattn.training.fused_normalization import fuse_batch_normalization
from keras_resattn.training.multi_worker import enable_distributed_fit
from keras_resattn.training.optimizer import compile_model
from keras_resattn.training.pointwise_convolution import multiply_pointwise_convolutions
from keras_resattn.training.processor import warn_if_emulated
from keras_resattn.training.synchronized_normalization import (
    synchronize_batch_normalization,
)
from keras_resattn.zoo import create_model


def build_model(
    recipe,
    preprocessing,
    classes,
    steps_per_epoch,
    strategy=None,
    sync_batch_norm=False,
):
    """Return a recipe's network, and the compiled model that trains it.

    The model is the network behind a layer that standardizes pixels: so batches
    stay small (uint8) until they are on the device.

    Args:
        recipe: A `Recipe`.
        preprocessing: Its `keras_resattn.data.Preprocessing`.
        classes: Integer, the number of classes.
        steps_per_epoch: Integer, the number of batches an epoch.
        strategy: What `choose_strategy` returned.
        sync_batch_norm: Boolean, whether batch normalization takes the
            statistics of the whole batch, in place of each device's part.

    Returns:
        A tuple of two `keras.Model`s, of the same weights.
    """
    with dtype_policy(recipe.precision), scope(strategy):
        network = create_model(
            recipe.network.name,
            input_shape=recipe.network.input_shape,
            classes=classes,
            **recipe.network.options(),
        )
        pixels = keras.Input(recipe.network.input_shape, name="pixels")
        model = keras.Model(pixels, network(standardization(preprocessing)(pixels)))
        jit_compile = _jit_compile(recipe, strategy)
        compile_model(model, recipe.train, steps_per_epoch, jit_compile)
    if keras.backend.backend() == "tensorflow":
        synchronize = sync_batch_norm and strategy is not None
        choose = (
            synchronize_batch_normalization if synchronize else fuse_batch_normalization
        )
        choose(network)
        if not tf.config.list_physical_devices("GPU"):
            warn_if_emulated(recipe.precision)
            multiply_pointwise_convolutions(network)
        enable_distributed_fit(model, strategy)
    return network, model


def standardization(preprocessing):
    """Return a preprocessing's mean and std as a layer, for float32 and uint8."""
    channels = preprocessing.input_shape[-1]
    mean = np.broadcast_to(np.asarray(preprocessing.mean, "float32"), channels)
    std = np.broadcast_to(np.asarray(preprocessing.std, "float32"), channels)
    return keras.layers.Normalization(
        mean=mean.tolist(), variance=np.square(std).tolist(), dtype="float32"
    )


@contextlib.contextmanager
def dtype_policy(name):
    """Build models under a dtype policy, and restore the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _jit_compile(recipe, strategy):
    if recipe.jit is not None:
        return recipe.jit
    if keras.backend.backend() != "tensorflow":
        return "auto"
    # XLA has no collective steps, and halves the speed of these networks on a CPU.
    return strategy is None and bool(tf.config.list_physical_devices("GPU"))
