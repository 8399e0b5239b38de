"""Batch normalization by TensorFlow's fused kernel."""

from collections.abc import Callable

import keras
import tensorflow as tf

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
            return _normalize(layer, inputs, layer.moving_mean, layer.moving_variance)
        outputs, mean, variance = _normalize_batch(layer, inputs)
        _move(layer.moving_mean, mean, layer.momentum)
        _move(layer.moving_variance, variance, layer.momentum)
        return outputs

    return call


def _normalize(
    layer: keras.layers.BatchNormalization,
    inputs: tf.Tensor,
    mean: Tensor,
    variance: Tensor,
) -> tf.Tensor:
    return _kernel(layer, inputs, mean, variance, is_training=False)[0]


def _normalize_batch(
    layer: keras.layers.BatchNormalization, inputs: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    none = tf.zeros([0])
    outputs, mean, variance, *_ = _kernel(layer, inputs, none, none, is_training=True)
    # The kernel returns the unbiased variance, Keras keeps the biased one.
    count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
    return outputs, mean, variance * (count - 1) / count


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
        is_training=is_training,
    )


def _move(average: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    average.assign(average * momentum + value * (1 - momentum))
