"""Run our network in Keras on JAX, in bfloat16, without TensorFlow.

A maker takes the size of the images and returns a function from a batch size to the
call to measure and its number of floating-point operations. Images are float32 arrays
on the device.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
# Allocate memory on demand, up to almost all of it, as PyTorch does.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("XLA_CLIENT_MEM_FRACTION", "0.95")

import platform

import jax
import jax.numpy as jnp
import keras
import numpy as np

import keras_resattn
from benchmarks.training_engines import memory


def training(size, remat=False):
    """Return the maker of the step that `fit` runs: `train_step`, compiled.

    Like `fit`, it keeps the state outside of the model and reuses the memory of the old
    state. `train_on_batch` would copy the state into the model in each step.
    """
    model = compiled_model(size, remat)
    model.optimizer.build(model.trainable_variables)
    step = jax.jit(model.train_step, donate_argnums=0)
    state = tuple(
        values(variables)
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    flop = 6 * keras_resattn.complexity(model).multiply_adds

    def prepare(batch):
        data = images(batch, size), labels(batch)

        def call():
            nonlocal state
            logs, state = step(state, data)
            return logs

        return call, flop * batch

    return prepare


def compiled_model(size, remat=False):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras_resattn.Attention56(input_shape=(size, size, 3), remat=remat)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def inference(size, folded=False):
    """Return the maker of a compiled `stateless_call`.

    `folded` is our fastest variant: batch normalization is folded, and the weights are
    bfloat16.
    """
    keras.config.set_dtype_policy("bfloat16" if folded else "mixed_bfloat16")
    model = keras_resattn.Attention56(input_shape=(size, size, 3))
    flop = 2 * keras_resattn.complexity(model).multiply_adds
    if folded:
        model = keras_resattn.fold_batch_norm(model)
    state = values(model.trainable_variables), values(model.non_trainable_variables)

    @jax.jit
    def answer(state, batch):
        return model.stateless_call(*state, batch, training=False)[0]

    def prepare(batch):
        data = images(batch, size)
        return lambda: answer(state, data), flop * batch

    return prepare


def matrices(_):
    """Return the maker of a matrix product, about the highest speed of the device."""
    product = jax.jit(jnp.matmul)

    def prepare(height):
        keys = jax.random.split(jax.random.key(0))
        left, right = (
            jax.random.normal(key, (height, height), "bfloat16") for key in keys
        )
        return lambda: product(left, right), 2 * height**3

    return prepare


def values(variables):
    return [variable.value for variable in variables]


def images(batch, size):
    pixels = np.random.default_rng(0).standard_normal((batch, size, size, 3), "float32")
    return jax.device_put(pixels)


def labels(batch):
    return jax.device_put(np.random.default_rng(0).integers(0, 1000, batch))


wait = jax.block_until_ready


def reset_peak():
    """Do nothing: JAX cannot reset its peak, which includes compilation."""


def peak_bytes():
    """Return the peak of allocated memory; on a processor, of the process's memory."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("peak_bytes_in_use") or int(memory("VmHWM") * 2**20)


def facts():
    versions = {
        "Python": platform.python_version(),
        "JAX": jax.__version__,
        "Keras": keras.__version__,
    }
    return {"device": jax.local_devices()[0].device_kind, "versions": versions}
