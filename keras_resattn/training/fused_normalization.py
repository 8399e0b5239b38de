"""Batch normalization by TensorFlow's fused kernel."""

from collections.abc import Callable

import keras
import tensorflow as tf

from keras_resattn.training.shared_constants import shared_constant
from keras_resattn.typing import Tensor
from keras_resattn.views.graph import flatten_layers

_DTYPES = ("float32", "bfloat16", "float16")


def fuse_batch_normalization(model: keras.Model) -> int:
    """Let a model's batch normalizations compute by TensorFlow's fused kernel.

    Keras computes moments, normalization and their gradients in some twenty
    passes over the maps. The fused kernel needs a few, and the whole training
    step of this network becomes about twice as fast on a CPU. Only the computation
    is replaced, in place, on the layers that normalize maps by their last axis. The
    results are the same, and saved files do not change. For maps in half precision
    the statistics are float32, as in Keras.

    Args:
        model: A built `keras.Model`, to be trained on TensorFlow. It is changed.

    Returns:
        The number of layers that now use the fused kernel.
    """
    layers = [
        layer
        for layer in flatten_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization) and _can_fuse(layer)
    ]
    for layer in layers:
        layer.call = _fused_call(layer, layer.call)
    return len(layers)


def _can_fuse(layer: keras.layers.BatchNormalization) -> bool:
    rank = layer.input_spec.ndim
    plain = not (layer.synchronized or layer.renorm) and layer.scale and layer.center
    last = layer.axis in (-1, rank - 1)
    return plain and last and rank == 4 and layer.compute_dtype in _DTYPES


def _fused_call(
    layer: keras.layers.BatchNormalization, keras_call: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    def call(
        inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        if mask is not None:
            return keras_call(inputs, training=training, mask=mask)
        if not training or not layer.trainable:
            return _kernel(
                layer, inputs, layer.moving_mean, layer.moving_variance, False
            )[0]
        return _normalize_batch(layer, inputs)

    return call


def _normalize_batch(
    layer: keras.layers.BatchNormalization, inputs: tf.Tensor
) -> tf.Tensor:
    # The kernel also moves the averages, which saves operations to trace. But it moves
    # towards the unbiased variance, and Keras towards the biased one: their ratio.
    count = _count(inputs)
    ratio = _ratio(count)
    variance = layer.moving_variance / ratio
    outputs, mean, variance, *_ = _kernel(
        layer, inputs, layer.moving_mean, variance, is_training=True
    )
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance * ratio)
    return outputs


def _count(inputs: tf.Tensor) -> int | tf.Tensor:
    """Return how many values of each channel are normalized together."""
    values = inputs.shape.num_elements() or tf.size(inputs)
    return values // inputs.shape[-1]


def _ratio(count: int | tf.Tensor) -> tf.Tensor:
    if isinstance(count, int):
        return shared_constant(max(count - 1, 1) / count, tf.float32)
    count = tf.cast(count, tf.float32)
    return tf.maximum(count - 1, 1) / count


def _kernel(
    layer: keras.layers.BatchNormalization,
    inputs: tf.Tensor,
    mean: Tensor,
    variance: Tensor,
    is_training: bool,
) -> tuple[tf.Tensor, ...]:
    return tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta),
        mean=tf.convert_to_tensor(mean),
        variance=tf.convert_to_tensor(variance),
        epsilon=layer.epsilon,
        exponential_avg_factor=1 - layer.momentum,
        is_training=is_training,
    )
