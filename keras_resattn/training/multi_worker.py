"""What `keras.Model.fit` lacks under a `tf.distribute` strategy.

Keras 3.15 looks into a batch before it trains, which on several workers is no
tensor, and averages the logs of the workers along an axis that they do not
have. `fit` here is Keras' own, with these two steps put right on the model
itself; nothing of it is saved. The losses and weights are those of one device.
"""

import tensorflow as tf

from keras_resattn.views.graph import replace_symbolic_build
from keras_resattn.views.graph import symbolic_build


def enable_distributed_fit(model, strategy):
    """Let Keras' `fit` and `evaluate` train a model under its strategy.

    Losses and metrics, those of each batch too, are of the whole batch on every
    worker. Batches must divide by the number of replicas: for a test set see
    `whole_batches`. Without a strategy of TensorFlow's nothing is changed.

    Example:

    >>> with strategy.scope():
    ...     model = create_model("cifar_attention56")
    ...     compile_model(model, recipe.train, steps_per_epoch)
    >>> enable_distributed_fit(model, strategy)
    >>> model.fit(train, validation_data=whole_batches(test, 64, strategy))

    Args:
        model: A `keras.Model`, built and compiled in the strategy's scope.
        strategy: What `choose_strategy` returned.

    Raises:
        ValueError: If it was compiled for XLA, which has no collective steps.
    """
    if not isinstance(strategy, tf.distribute.Strategy):
        return
    if model.jit_compile is True:
        raise ValueError(
            "TensorFlow cannot compile a step over several devices with XLA; leave "
            "out `jit`. Received: jit_compile=True"
        )
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    _build_from_specification(model, strategy)
    model.train_step = _with_an_axis(model.train_step)
    model.test_step = _with_an_axis(_of_real_images(model, strategy, model.test_step))


def whole_batches(batches, batch_size, strategy):
    """Fill up the last batch of a test set, so that replicas have equal parts.

    Args:
        batches: A `tf.data.Dataset` of images `(N, H, W, C)` and labels
            `(N, ...)`, N at most the batch size.
        batch_size: Integer, the number of images of each batch to make.
        strategy: What `choose_strategy` returned.

    Returns:
        A `tf.data.Dataset` of images, labels and booleans `(batch_size,)`: which
        are real. `enable_distributed_fit` leaves the others out of the metrics.
        Without a strategy of TensorFlow's, the batches as they are.
    """
    if not isinstance(strategy, tf.distribute.Strategy):
        return batches

    def fill(values):
        missing = batch_size - tf.shape(values)[0]
        filled = tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))
        return tf.ensure_shape(filled, [batch_size, *values.shape[1:]])

    def mark(images, labels):
        real = tf.ones(tf.shape(images)[:1], tf.bool)
        return fill(images), fill(labels), fill(real)

    return batches.map(mark, tf.data.AUTOTUNE)


def _build_from_specification(model, strategy):
    """Build losses and metrics without a batch, so that none is lost either."""

    def build(iterator=None, data_batch=None):
        if iterator is not None:
            data_batch = iterator.data_adapter.get_tf_dataset().element_spec[:2]
        with strategy.scope():
            symbolic_build(model, data_batch)

    replace_symbolic_build(model, build)


def _with_an_axis(step):
    """Give the logs of a step the axis along which Keras averages replicas."""

    def call(data):
        logs = step(data)
        return {name: tf.expand_dims(value, 0) for name, value in logs.items()}

    return call


def _of_real_images(model, strategy, keras_step):
    def test_step(data):
        if len(data) < 3:
            return keras_step(data)
        images, labels, real = data
        predictions = tf.boolean_mask(model(images, training=False), real)
        labels = tf.boolean_mask(labels, real)
        loss = model.compute_loss(images, labels, predictions, training=False)
        # Keras divides a loss by the replicas, for their sum to be the batch's.
        loss = loss * tf.cast(strategy.num_replicas_in_sync, loss.dtype)
        count = tf.math.count_nonzero(real, dtype=tf.int32)
        model.metrics[0].update_state(loss, sample_weight=count)
        return model.compute_metrics(images, labels, predictions)

    return test_step
