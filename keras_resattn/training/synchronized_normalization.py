"""Batch normalization by the statistics of the whole batch, on all its devices."""

from collections.abc import Callable

import keras
import tensorflow as tf

from keras_resattn.views.graph import flatten_layers
from keras_resattn.views.graph import replace_moments


def synchronize_batch_normalization(model: keras.Model) -> int:
    """Let a model's batch normalizations train by the statistics of all replicas.

    Without this, each device of a `tf.distribute` strategy normalizes its part of the
    batch by itself. `BatchNormalization(synchronized=True)` also synchronizes, but
    a model saved with it loads on TensorFlow only, and it sends three messages
    between the devices instead of one. Here only the computation of the moments is
    replaced, in place. Saved files do not change and load on every backend.

    It replaces `fuse_batch_normalization`; do not call that function after this one.

    Example:

    >>> with strategy.scope():
    ...     model = create_model("cifar_attention56")
    >>> count = synchronize_batch_normalization(model)

    Args:
        model: A built `keras.Model`, to be trained on TensorFlow. It is changed.

    Returns:
        The number of layers that now synchronize.
    """
    layers = [
        layer
        for layer in flatten_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        vars(layer).pop("call", None)  # a fused one, for a single device
        axis = layer.axis % layer.input_spec.ndim
        axes = [i for i in range(layer.input_spec.ndim) if i != axis]
        replace_moments(layer, _moments_of_all_replicas(axes))
    return len(layers)


def _moments_of_all_replicas(
    axes: list[int],
) -> Callable[[tf.Tensor, tf.Tensor | None], tuple[tf.Tensor, tf.Tensor]]:
    def moments(
        inputs: tf.Tensor, mask: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if mask is not None:
            raise ValueError(
                "Synchronized batch normalization does not support masks; call the "
                f"model without one. Received: mask={mask}"
            )
        squares = tf.reduce_mean(tf.square(inputs), axes)
        means = tf.stack([tf.reduce_mean(inputs, axes), squares])
        if replica := tf.distribute.get_replica_context():
            # The replicas' parts of a batch have the same size: see `check_batch_size`.
            means = replica.all_reduce(tf.distribute.ReduceOp.MEAN, means)
        mean, squares = tf.unstack(means)
        return mean, tf.maximum(squares - tf.square(mean), 0.0)

    return moments
