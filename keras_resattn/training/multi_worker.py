"""Corrections to `keras.Model.fit` for training under a `tf.distribute` strategy.

Keras 3.15 reads a batch before the training, but on several workers a batch is not
a tensor. It also averages the logs of the workers along an axis that they do not
have. The functions here correct both on the model itself. A saved model does not
contain these changes. Losses and weights are the same as on one device.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_resattn.training.distribution import Strategy
from keras_resattn.typing import Tensor
from keras_resattn.views.graph import replace_symbolic_build
from keras_resattn.views.graph import symbolic_build

Step = Callable[[tuple[Tensor, ...]], dict[str, Tensor]]


def enable_distributed_fit(model: keras.Model, strategy: Strategy) -> None:
    """Let Keras' `fit` and `evaluate` run a model under its strategy.

    On every worker, losses and metrics are those of the whole batch. The batch size
    must be a multiple of the number of replicas; for a test set see
    `whole_batches`. Nothing changes without a `tf.distribute.Strategy`.

    Example:

    >>> with strategy.scope():
    ...     model = create_model("cifar_attention56")
    ...     compile_model(model, recipe.train, steps_per_epoch)
    >>> enable_distributed_fit(model, strategy)
    >>> model.fit(train, validation_data=whole_batches(test, 64, strategy))

    Args:
        model: A `keras.Model`, built and compiled in the strategy's scope.
        strategy: The result of `choose_strategy`.

    Raises:
        ValueError: If the model was compiled for XLA, which has no collective
            operations.
    """
    if not isinstance(strategy, tf.distribute.Strategy):
        return
    if model.jit_compile is True:
        raise ValueError(
            "TensorFlow cannot compile a step over several devices with XLA; set "
            "`jit: false` or leave it out. Received: jit_compile=True"
        )
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    _build_from_specification(model, strategy)
    model.train_step = _with_an_axis(model.train_step)
    model.test_step = _with_an_axis(_of_real_images(model, strategy, model.test_step))


def whole_batches(
    batches: tf.data.Dataset, batch_size: int, strategy: Strategy
) -> tf.data.Dataset:
    """Pad the last batch of a test set, so that all replicas have equal parts.

    Args:
        batches: A `tf.data.Dataset` of images `(N, H, W, C)` and labels
            `(N, ...)`, where N is at most the batch size.
        batch_size: The number of images in each of the new batches.
        strategy: The result of `choose_strategy`.

    Returns:
        A `tf.data.Dataset` of images, labels and booleans `(batch_size,)`. The
        booleans are false for padding, which `enable_distributed_fit` leaves out
        of the metrics. Without a `tf.distribute.Strategy`, the same batches.
    """
    if not isinstance(strategy, tf.distribute.Strategy):
        return batches

    def fill(values: Tensor) -> Tensor:
        missing = batch_size - tf.shape(values)[0]
        filled = tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))
        return tf.ensure_shape(filled, [batch_size, *values.shape[1:]])

    def mark(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        real = tf.ones(tf.shape(images)[:1], tf.bool)
        return fill(images), fill(labels), fill(real)

    return batches.map(mark, tf.data.AUTOTUNE)


def _build_from_specification(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> None:
    """Build losses and metrics from the shapes, without reading a batch."""

    def build(iterator: Any = None, data_batch: Any = None) -> None:
        if iterator is not None:
            data_batch = iterator.data_adapter.get_tf_dataset().element_spec[:2]
        with strategy.scope():
            symbolic_build(model, data_batch)

    replace_symbolic_build(model, build)


def _with_an_axis(step: Step) -> Step:
    """Add to the logs of a step the axis along which Keras averages replicas."""

    def call(data: tuple[Tensor, ...]) -> dict[str, Tensor]:
        logs = step(data)
        return {name: tf.expand_dims(value, 0) for name, value in logs.items()}

    return call


def _of_real_images(
    model: keras.Model, strategy: tf.distribute.Strategy, keras_step: Step
) -> Step:
    def test_step(data: tuple[Tensor, ...]) -> dict[str, Tensor]:
        if len(data) < 3:
            return keras_step(data)
        images, labels, real = data
        predictions = tf.boolean_mask(model(images, training=False), real)
        labels = tf.boolean_mask(labels, real)
        loss = model.compute_loss(images, labels, predictions, training=False)
        # Keras divides a loss by the number of replicas, because it sums over them.
        loss = loss * tf.cast(strategy.num_replicas_in_sync, loss.dtype)
        count = tf.math.count_nonzero(real, dtype=tf.int32)
        model.metrics[0].update_state(loss, sample_weight=count)
        return model.compute_metrics(images, labels, predictions)

    return test_step
