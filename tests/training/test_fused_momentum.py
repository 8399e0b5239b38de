import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.training.fused_momentum import fuse_momentum
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.optimizer import scale_rates

SHAPES = [(3, 3, 4, 8), (8,), ()]


def optimizers(variables, **options):
    """Return an optimizer of Keras' operations and a fused one, built."""
    made = [CoupledSGD(0.1, coupled_weight_decay=0.05, **options) for _ in range(2)]
    for optimizer, own in zip(made, variables, strict=True):
        optimizer.build(own)
    assert fuse_momentum(made[1])
    return made


def variables_and_gradients(dtype="float32"):
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
    variables = [[keras.Variable(v, dtype=dtype) for v in start] for _ in range(2)]
    steps = [[rng.normal(size=shape) for shape in SHAPES] for _ in range(4)]
    return variables, [[tf.constant(g, tf.float32) for g in step] for step in steps]


def step_of(optimizer, variables):
    return lambda gradients: optimizer.apply(gradients, variables)


def all_values(optimizer, variables):
    return [np.asarray(v, "float32") for v in (*variables, *optimizer.momentums)]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"global_clipnorm": 0.5},
        {"use_ema": True},
        {"gradient_accumulation_steps": 2},
    ],
    ids=["plain", "clipped", "averaged", "accumulated"],
)
def test_weights_and_momentums_are_those_of_kerass_operations(
    nesterov, compiled, options
):
    variables, steps = variables_and_gradients()
    results = []
    made = optimizers(variables, momentum=0.9, nesterov=nesterov, **options)
    for optimizer, own in zip(made, variables, strict=True):
        step = step_of(optimizer, own)
        if compiled:
            step = tf.function(step, autograph=False)
        for gradients in steps:
            step(gradients)
        results.append(all_values(optimizer, own))
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-6, atol=1e-7)


def test_gradients_of_bfloat16_change_variables_of_float32():
    variables, steps = variables_and_gradients()
    made = optimizers(variables, momentum=0.9)
    for optimizer, own in zip(made, variables, strict=True):
        optimizer.apply([tf.cast(g, tf.bfloat16) for g in steps[0]], own)
    for plain, fused in zip(*map(all_values, made, variables), strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-6, atol=1e-7)


def test_a_rate_can_be_scaled():
    variables, steps = variables_and_gradients()
    made = optimizers(variables, momentum=0.9, nesterov=True)
    for optimizer, own in zip(made, variables, strict=True):
        scale_rates(optimizer, own[:1], 0.1)
        for gradients in steps:
            optimizer.apply(gradients, own)
    for plain, fused in zip(*map(all_values, made, variables), strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-6, atol=1e-7)


def test_each_device_changes_its_own_copy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        variable = keras.Variable(np.ones(3, "float32"))
        optimizer = CoupledSGD(0.1, momentum=0.9)
        optimizer.build([variable])
        assert fuse_momentum(optimizer)

    @tf.function(autograph=False)
    def step():
        strategy.run(lambda: optimizer.apply([tf.ones(3)], [variable]))

    step()
    step()
    np.testing.assert_allclose(variable, 1 - 0.1 - 0.19, rtol=1e-6)


def test_the_inner_optimizer_of_half_precision_is_fused():
    variable = keras.Variable(np.ones(2, "float32"))
    inner = CoupledSGD(0.5, momentum=0.9)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    optimizer.build([variable])
    assert fuse_momentum(optimizer)
    optimizer.apply([tf.constant([4.0, 8.0])], [variable])
    np.testing.assert_allclose(variable, [0.5, 0.0])


def test_other_optimizers_stay_as_they_are():
    assert not fuse_momentum(CoupledSGD(0.1))
    assert not fuse_momentum(keras.optimizers.AdamW(0.1))
    assert not fuse_momentum(keras.optimizers.SGD(0.1, momentum=0.9))
