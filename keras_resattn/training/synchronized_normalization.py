"""Batch normalization by the statistics of the whole batch, on all its devices."""

import keras
import tensorflow as tf


def synchronize_batch_normalization(model):
    """Let a model's batch normalizations train by the statistics of all replicas.

    Under a `tf.distribute` strategy each device else normalizes its part of the
    batch by itself. `BatchNormalization(synchronized=True)` does this too, but
    a model saved with it loads on TensorFlow only, and it takes three messages
    between the devices, where one does. Here the computation of the moments is
    replaced, in place, and what is saved stays as it is, for every backend.

    It takes the place of `fuse_batch_normalization`; do not call that after it.

    Example:

    >>> with strategy.scope():
    ...     model = create_model("cifar_attention56")
    >>> count = synchronize_batch_normalization(model)

    Args:
        model: A built `keras.Model`, to be trained on TensorFlow.

    Returns:
        The number of layers that now synchronize.
    """
    # Keras has no public way to the layers inside of layers.
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        vars(layer).pop("call", None)  # a fused one, of one device
        layer._moments = _moments_of_all_replicas(layer._reduction_axes)
    return len(layers)


def _moments_of_all_replicas(axes):
    def moments(inputs, mask):
        if mask is not None:
            raise ValueError(
                f"Synchronized batch normalization takes no mask. Received: mask={mask}"
            )
        squares = tf.reduce_mean(tf.square(inputs), axes)
        means = tf.stack([tf.reduce_mean(inputs, axes), squares])
        if replica := tf.distribute.get_replica_context():
            # Their parts are of one size: see `check_batch_size`.
            means = replica.all_reduce(tf.distribute.ReduceOp.MEAN, means)
        mean, squares = tf.unstack(means)
        return mean, tf.maximum(squares - tf.square(mean), 0.0)

    return moments
