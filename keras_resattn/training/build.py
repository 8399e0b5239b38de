"""The compiled model that a recipe describes."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.recipes.arguments import network_options
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.distribution import Strategy
from keras_resattn.training.distribution import scope
from keras_resattn.training.freezing import frozen_layers
from keras_resattn.training.fused_momentum import fuse_momentum
from keras_resattn.training.fused_normalization import fuse_batch_normalization
from keras_resattn.training.multi_worker import enable_distributed_fit
from keras_resattn.training.optimizer import compile_model
from keras_resattn.training.optimizer import scale_rates
from keras_resattn.training.pointwise_convolution import multiply_pointwise_convolutions
from keras_resattn.training.processor import warn_if_emulated
from keras_resattn.training.synchronized_normalization import (
    synchronize_batch_normalization,
)
from keras_resattn.views.flat import copy_with_weights
from keras_resattn.zoo import create_model


def build_model(
    recipe: Recipe,
    preprocessing: Preprocessing,
    classes: int,
    steps_per_epoch: int,
    strategy: Strategy = None,
    sync_batch_norm: bool = False,
    network: keras.Model | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Return the network of a recipe, and the compiled model that trains it.

    The model is the network behind a layer that standardizes pixels. Batches
    therefore stay small (uint8) until they are on the device. The initial
    weights follow from `recipe.seed` alone.

    Args:
        recipe: A `Recipe`.
        preprocessing: The `keras_resattn.data.Preprocessing` of the recipe.
        classes: The number of classes.
        steps_per_epoch: The number of batches per epoch.
        strategy: The result of `choose_strategy`.
        sync_batch_norm: Whether batch normalization uses the statistics of the
            whole batch instead of those of each device's part.
        network: The network to train in place of that of the recipe. A copy of it is
            trained.

    Returns:
        A tuple of two `keras.Model`s with the same weights.
    """
    # Not earlier: what runs in between, such as an import, may draw random numbers.
    keras.utils.set_random_seed(recipe.seed)
    with dtype_policy(recipe.precision), scope(strategy):
        network = (
            copy_with_weights(network)
            if network
            else create_model(
                recipe.network.name,
                input_shape=recipe.network.input_shape,
                classes=classes,
                **network_options(recipe.network),
            )
        )
        pixels = keras.Input(recipe.network.input_shape, name="pixels")
        model = keras.Model(pixels, network(standardization(preprocessing)(pixels)))
        jit_compile = _jit_compile(recipe, strategy)
        compile_model(model, recipe.train, steps_per_epoch, jit_compile)
        if keras.backend.backend() == "tensorflow":
            fuse_momentum(model.optimizer)
        if recipe.train.body_rate_factor != 1:
            body = _body_variables(network)
            scale_rates(model.optimizer, body, recipe.train.body_rate_factor)
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
        if strategy is None:
            _build_metrics(model)
    return network, model


def _build_metrics(model: keras.Model) -> None:
    """Make the variables of the metrics.

    Keras makes them in the first step, except under a strategy. TensorFlow traces a
    step again if it has made variables, and tracing takes most of a first step.
    """
    blank = keras.ops.zeros((1, model.output_shape[-1]))
    model.compute_metrics(None, blank, blank)
    model.reset_metrics()


def _body_variables(network: keras.Model) -> list[keras.Variable]:
    layers = frozen_layers(network, "body", "train.body_rate_factor")
    return [variable for layer in layers for variable in layer.trainable_variables]


def standardization(preprocessing: Preprocessing) -> keras.layers.Layer:
    """Return a layer that standardizes float32 or uint8 pixels."""
    channels = preprocessing.input_shape[-1]
    mean = np.broadcast_to(np.asarray(preprocessing.mean, "float32"), channels)
    std = np.broadcast_to(np.asarray(preprocessing.std, "float32"), channels)
    return keras.layers.Normalization(
        mean=mean.tolist(), variance=np.square(std).tolist(), dtype="float32"
    )


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build models under a dtype policy, and restore the earlier policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _jit_compile(recipe: Recipe, strategy: Strategy) -> bool | Literal["auto"]:
    if recipe.jit is not None:
        return recipe.jit
    if keras.backend.backend() != "tensorflow":
        return "auto"
    # XLA has no collective operations, and these networks need twice the time on a
    # CPU.
    return strategy is None and bool(tf.config.list_physical_devices("GPU"))
