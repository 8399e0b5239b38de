"""The gradient of a class's score by the feature after a mask."""

from collections.abc import Callable

import keras
import numpy as np

from keras_resattn.explain.logits import classifier_of
from keras_resattn.explain.logits import logits_after
from keras_resattn.explain.reader import Modules
from keras_resattn.typing import Array
from keras_resattn.typing import Tensor

# From an array and the chosen classes, one-hot, to an array.
Differentiated = Callable[[Array, Tensor], Array]


def class_gradients(
    model: keras.Model, modules: Modules
) -> dict[str, Callable[..., Array]]:
    """Return functions that give the gradients of a class's score.

    The score is the class's logit, before a softmax.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` that ends in a
            classifier. It may call networks as layers.
        modules: Attention modules of `model`, by name.

    Returns:
        A dictionary from each name to a function. Its arguments are `after`, a float32
        array `(N, h, w, C)`, the feature after the module's mask; and `classes`,
        integers `(N,)`, or `None` for each image's most probable class. It
        returns the gradient, a float32 array of the shape of `after`.

    Raises:
        ValueError: If the model does not end in a classifier, or its output
            does not depend on the feature after a mask alone.
    """
    classifier = classifier_of(model)
    scores = {
        name: _scores_by(model, module.fused, classifier)
        for name, module in modules.items()
    }
    return {name: _gradient_function(model, score) for name, score in scores.items()}


def _gradient_function(
    model: keras.Model, scores: Callable[[Tensor], Tensor]
) -> Callable[..., Array]:
    differentiate = gradient_of(lambda x, chosen: keras.ops.sum(scores(x) * chosen))
    first = keras.config.image_data_format() == "channels_first"

    def gradient(after: Array, classes: Array | None = None) -> Array:
        after = np.moveaxis(after, -1, 1) if first else after
        if classes is None:
            classes = keras.ops.convert_to_numpy(scores(after)).argmax(axis=-1)
        count = model.output_shape[-1]
        if min(classes) < 0 or max(classes) >= count:
            raise ValueError(
                f"The model has {count} classes, 0 to {count - 1}. Received: "
                f"classes={np.asarray(classes).tolist()}"
            )
        chosen = keras.ops.one_hot(np.asarray(classes), count, dtype="float32")
        result = differentiate(after, chosen).astype("float32")
        return np.moveaxis(result, 1, -1) if first else result

    return gradient


def _scores_by(
    model: keras.Model, fused: keras.KerasTensor, classifier: keras.Operation
) -> Callable[[Tensor], Tensor]:
    """Return the function from a module's fused feature to the logits."""
    rest = logits_after(fused, model, classifier)
    if rest is None:
        raise ValueError(
            "The rule 'gradient' needs a network whose output depends on a module's "
            "fused feature alone, after the module; choose another rule. Received: "
            f"model={model.name!r}"
        )
    return lambda x: rest(x, training=False)


def gradient_of(function: Callable[[Tensor, Tensor], Tensor]) -> Differentiated:
    """Return the gradient of a scalar function by the first of two arrays."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _gradient_in_tensorflow(function)
    if backend == "jax":
        import jax

        gradient = jax.grad(function)
        return lambda x, other: np.asarray(gradient(jax.numpy.asarray(x), other))
    if backend == "torch":
        return _gradient_in_torch(function)
    raise ValueError(
        "Gradients can be computed on TensorFlow, JAX and PyTorch. Set KERAS_BACKEND "
        f"to one of them. Received: Keras' backend {backend!r}"
    )


def _gradient_in_tensorflow(
    function: Callable[[Tensor, Tensor], Tensor],
) -> Differentiated:
    import tensorflow as tf

    # In a graph, the gradients of filters, which nobody needs, are left out.
    # Computed eagerly, for a single image, they can crash the process.
    @tf.function(reduce_retracing=True)
    def gradient(x: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = function(x, other)
        return tape.gradient(value, x)

    return lambda x, other: gradient(tf.convert_to_tensor(x), other).numpy()


def _gradient_in_torch(function: Callable[[Tensor, Tensor], Tensor]) -> Differentiated:
    import torch

    def gradient(x: Array, other: Tensor) -> Array:
        point = keras.ops.convert_to_tensor(x).requires_grad_()
        (result,) = torch.autograd.grad(function(point, other), point)
        return keras.ops.convert_to_numpy(result)

    return gradient
