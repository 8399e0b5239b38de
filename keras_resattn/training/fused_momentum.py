"""Stochastic gradient descent by TensorFlow's fused kernel."""

import functools

import keras
import tensorflow as tf

from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.shared_constants import shared_constant
from keras_resattn.views.graph import variable_index


def fuse_momentum(optimizer: keras.optimizers.Optimizer) -> bool:
    """Let `CoupledSGD` update each variable by one kernel.

    Keras makes ten operations for each variable. TensorFlow traces and optimizes all
    of them before the first step, which took nearly half of the tracing. The formula is
    that of `keras.optimizers.SGD`, and saved files do not change.

    Args:
        optimizer: A built `keras.optimizers.Optimizer`, to be used on TensorFlow.
            It is changed if it is a `CoupledSGD` with momentum.

    Returns:
        Whether the optimizer now uses the kernel.
    """
    # The inner optimizer of a LossScaleOptimizer makes the steps.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    fuses = isinstance(optimizer, CoupledSGD) and optimizer.momentum > 0
    if fuses:
        optimizer.update_step = functools.partial(_update_step, optimizer)
    return fuses


def _update_step(
    optimizer: CoupledSGD,
    gradient: tf.Tensor,
    variable: tf.Variable,
    learning_rate: tf.Tensor,
) -> None:
    gradient = tf.convert_to_tensor(tf.cast(gradient, variable.dtype))
    if optimizer.coupled_weight_decay:
        decay = shared_constant(optimizer.coupled_weight_decay, variable.dtype)
        gradient += decay * variable
    momentum = optimizer.momentums[variable_index(optimizer, variable)]
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=momentum.value.handle,
        lr=tf.cast(learning_rate, variable.dtype),
        grad=gradient,
        momentum=shared_constant(optimizer.momentum, variable.dtype),
        use_nesterov=optimizer.nesterov,
    )
