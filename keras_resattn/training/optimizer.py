"""Stochastic gradient descent as the paper has it, and its schedules."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resattn")
class CoupledSGD(keras.optimizers.SGD):
    """SGD whose weight decay is part of the gradient, and so of the momentum.

    `keras.optimizers.SGD(weight_decay=w)` shrinks weights beside the gradient;
    with momentum 0.9 its decay is a tenth of what the same w means in Caffe
    and PyTorch, and in the paper. Here w times the weight is added to the
    gradient of every weight, those of batch normalization included.

    Args:
        coupled_weight_decay: Float, w. Defaults to 0.
        **arguments: Those of `keras.optimizers.SGD`.
    """

    def __init__(self, *arguments, coupled_weight_decay=0.0, **named):
        super().__init__(*arguments, **named)
        self.coupled_weight_decay = coupled_weight_decay

    def update_step(self, gradient, variable, learning_rate):
        if self.coupled_weight_decay:
            gradient = ops.cast(gradient, variable.dtype)
            gradient = gradient + self.coupled_weight_decay * variable
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        config = super().get_config()
        return {**config, "coupled_weight_decay": self.coupled_weight_decay}


@keras.saving.register_keras_serializable(package="keras_resattn")
class WarmUpAndDecline(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises in a line, then declines as the recipe's `Train` says.

    Example:

    >>> rate = WarmUpAndDecline(0.1, steps=1000, warmup_steps=100)
    >>> [round(float(rate(step)), 3) for step in (0, 100, 550, 1000)]
    [0.01, 0.1, 0.05, 0.0]

    Args:
        peak: Float, the highest rate. The rise begins at a tenth of it.
        steps: Integer, the number of steps of the whole training.
        warmup_steps: Integer, the number of steps of the rise.
        shape: `"cosine"`, `"linear"` or `"steps"`.
        drops: For `"steps"`: shares of the training at which to divide.
        drop_factor: For `"steps"`: Float, what to divide by.
    """

    def __init__(
        self, peak, steps, warmup_steps=0, shape="cosine", drops=(), drop_factor=10.0
    ):
        super().__init__()
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.shape = shape
        self.drops = tuple(drops)
        self.drop_factor = drop_factor

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = 0.1 + 0.9 * step / max(1, self.warmup_steps)
        declined = self._decline(step)
        return self.peak * ops.where(step < self.warmup_steps, rise, declined)

    def _decline(self, step):
        if self.shape == "steps":
            passed = [
                ops.cast(step >= drop * self.steps, "float32") for drop in self.drops
            ]
            return self.drop_factor ** -sum(passed, start=ops.zeros(()))
        rest = max(1, self.steps - self.warmup_steps)
        progress = ops.clip((step - self.warmup_steps) / rest, 0.0, 1.0)
        if self.shape == "linear":
            return 1.0 - progress
        return 0.5 * (1.0 + ops.cos(3.141592653589793 * progress))

    def get_config(self):
        names = ("peak", "steps", "warmup_steps", "shape", "drops", "drop_factor")
        return {name: getattr(self, name) for name in names}


def compile_model(model, settings, steps_per_epoch, jit_compile="auto"):
    """Compile a classifier as the section `train` of a recipe says.

    Args:
        model: A `keras.Model` with probabilities as output.
        settings: The recipe's `Train`.
        steps_per_epoch: Integer, the number of batches an epoch.
        jit_compile: As `keras.Model.compile` has it.
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
    optimizer = CoupledSGD(
        schedule,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        coupled_weight_decay=settings.weight_decay,
        use_ema=settings.ema_momentum is not None,
        ema_momentum=settings.ema_momentum or 0.99,
    )
    model.compile(
        optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            label_smoothing=settings.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    # Else TensorFlow would trace the step twice, as the first makes variables.
    model.optimizer.build(model.trainable_variables)
