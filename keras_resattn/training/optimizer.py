"""The paper's stochastic gradient descent, and schedules of the learning rate."""

from collections.abc import Sequence
from typing import Any
from typing import Literal

import keras
from keras import ops

from keras_resattn.layers.arguments import choice
from keras_resattn.recipes.settings import Train
from keras_resattn.typing import Tensor
from keras_resattn.views.graph import variable_index

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lion": keras.optimizers.Lion,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
}


@keras.saving.register_keras_serializable(package="keras_resattn")
class CoupledSGD(keras.optimizers.SGD):
    """SGD with a weight decay that is added to the gradient.

    `keras.optimizers.SGD(weight_decay=w)` shrinks the weights separately from the
    gradient. With momentum 0.9 its decay is a tenth of the decay for the same w
    in Caffe, in PyTorch and in the paper. This optimizer adds w times the weight
    to the gradient, and therefore to the momentum, of every weight, also of the
    weights of batch normalization.

    Args:
        *arguments: Arguments of `keras.optimizers.SGD`.
        coupled_weight_decay: Float, w. Defaults to 0.
        **named: Arguments of `keras.optimizers.SGD`.
    """

    def __init__(
        self, *arguments: Any, coupled_weight_decay: float = 0.0, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.coupled_weight_decay = coupled_weight_decay

    def update_step(
        self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        if self.coupled_weight_decay:
            gradient = ops.cast(gradient, variable.dtype)
            gradient = gradient + self.coupled_weight_decay * variable
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "coupled_weight_decay": self.coupled_weight_decay}


# How a learning rate falls.
DECLINES = ("cosine", "linear", "steps", "constant")


@keras.saving.register_keras_serializable(package="keras_resattn")
class WarmUpAndDecline(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly and then falls.

    Example:

    >>> rate = WarmUpAndDecline(0.1, steps=1000, warmup_steps=100)
    >>> [round(float(rate(step)), 3) for step in (0, 100, 550, 1000)]
    [0.01, 0.1, 0.05, 0.0]

    Args:
        peak: The highest rate. The rise begins at a tenth of it.
        steps: The number of steps of the whole training.
        warmup_steps: The number of steps of the rise.
        shape: How the rate falls: `"cosine"`, `"linear"`, `"steps"`, or
            `"constant"`, which means that it does not fall.
        drops: For `"steps"`: the shares of the training after which the rate is
            divided.
        drop_factor: For `"steps"`: the divisor.

    Raises:
        ValueError: If `shape` is something else.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup_steps: int = 0,
        shape: str = "cosine",
        drops: Sequence[float] = (),
        drop_factor: float = 10.0,
    ) -> None:
        super().__init__()
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.shape = choice("shape", shape, DECLINES)
        self.drops = tuple(drops)
        self.drop_factor = drop_factor

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.cast(step, "float32")
        rise = 0.1 + 0.9 * step / max(1, self.warmup_steps)
        declined = self._decline(step)
        return self.peak * ops.where(step < self.warmup_steps, rise, declined)

    def _decline(self, step: Tensor) -> Tensor:
        if self.shape == "steps":
            passed = [
                ops.cast(step >= drop * self.steps, "float32") for drop in self.drops
            ]
            return self.drop_factor ** -sum(passed, start=ops.zeros(()))
        if self.shape == "constant":
            return ops.ones(())
        rest = max(1, self.steps - self.warmup_steps)
        progress = ops.clip((step - self.warmup_steps) / rest, 0.0, 1.0)
        if self.shape == "linear":
            return 1.0 - progress
        return 0.5 * (1.0 + ops.cos(3.141592653589793 * progress))

    def get_config(self) -> dict[str, Any]:
        names = ("peak", "steps", "warmup_steps", "shape", "drops", "drop_factor")
        return {name: getattr(self, name) for name in names}


def compile_model(
    model: keras.Model,
    settings: Train,
    steps_per_epoch: int,
    jit_compile: bool | Literal["auto"] = "auto",
) -> None:
    """Compile a classifier with the section `train` of a recipe.

    Args:
        model: A `keras.Model` whose output is probabilities.
        settings: The section `train`.
        steps_per_epoch: The number of batches per epoch.
        jit_compile: See `keras.Model.compile`.
    """
    steps = settings.epochs * steps_per_epoch
    schedule = WarmUpAndDecline(
        settings.peak_learning_rate,
        steps,
        min(int(settings.warmup_epochs * steps_per_epoch), steps - 1),
        settings.schedule,
        settings.drops,
        settings.drop_factor,
    )
    model.compile(
        make_optimizer(settings, schedule),
        loss=keras.losses.CategoricalCrossentropy(
            label_smoothing=settings.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    # Otherwise the first step would create variables, and TensorFlow would trace twice.
    model.optimizer.build(model.trainable_variables)


def make_optimizer(
    settings: Train, schedule: keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    """Return the optimizer that the section `train` of a recipe names.

    Args:
        settings: The section `train`.
        schedule: The learning rate.
    """
    common = {
        "use_ema": settings.ema_momentum is not None,
        "ema_momentum": settings.ema_momentum or 0.99,
        "global_clipnorm": settings.clip_norm,
        "gradient_accumulation_steps": (
            settings.accumulate if settings.accumulate > 1 else None
        ),
    }
    if settings.optimizer == "sgd":
        return CoupledSGD(
            schedule,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            coupled_weight_decay=settings.weight_decay,
            **common,
        )
    make = OPTIMIZERS[settings.optimizer]
    return make(schedule, weight_decay=settings.weight_decay, **common)


def scale_rates(
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    factor: float,
) -> None:
    """Multiply the learning rate of some variables by a factor.

    The decoupled weight decay of Keras' optimizers is not scaled.

    Args:
        optimizer: A built `keras.optimizers.Optimizer`.
        variables: The variables whose rate is multiplied.
        factor: The factor.

    Raises:
        ValueError: If Keras runs on PyTorch, where only `CoupledSGD` has a step for
            each variable. The others would ignore the factor.
    """
    # The inner optimizer of a LossScaleOptimizer makes the steps.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if keras.backend.backend() == "torch" and not isinstance(optimizer, CoupledSGD):
        raise ValueError(
            "On PyTorch, Keras steps all variables of this optimizer at once, with one "
            "learning rate. Use the optimizer 'sgd', or set KERAS_BACKEND=tensorflow. "
            f"Received: {type(optimizer).__name__} with factor={factor}"
        )
    scaled = {variable_index(optimizer, variable) for variable in variables}
    update_step = optimizer.update_step

    def scaled_update_step(
        gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        if variable_index(optimizer, variable) in scaled:
            learning_rate = learning_rate * factor
        update_step(gradient, variable, learning_rate)

    optimizer.update_step = scaled_update_step
