"""The gradient of a class's score by the feature after a mask."""

import keras
import numpy as np

from keras_resattn.modules import attention_modules
from keras_resattn.modules import node_in


def class_gradients(model, names):
    """Return functions that give the gradients of a class's score.

    The score is the class's logit, before a softmax.

    Args:
        model: A functional `keras.Model` whose output is `(N, classes)`.
        names: The names of attention modules.

    Returns:
        A dictionary from each name to a function of `after`, a float32 array
        `(N, h, w, C)`: the feature after the module's mask; and of `classes`,
        integers `(N,)` or `None` for each image's most probable class. It
        returns the gradient, a float32 array of the shape of `after`.

    Raises:
        ValueError: If the model's output is no classifier's, or does not depend
            on the feature after a mask alone.
    """
    if len(model.outputs) != 1 or model.outputs[0].ndim != 2:
        raise ValueError(
            "The gradient is that of a class's score; pass a model with a classifier, "
            f"whose output is (N, classes). Received: outputs {model.outputs}"
        )
    modules = attention_modules(model)
    return {name: _gradient_function(model, modules[name].fused) for name in names}


def _gradient_function(model, fused):
    scores = _scores_by(model, fused)
    first = keras.config.image_data_format() == "channels_first"

    def gradient(after, classes=None):
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
        result = _gradient(lambda x: keras.ops.sum(scores(x) * chosen), after)
        return np.moveaxis(result, 1, -1) if first else result

    return gradient


def _scores_by(model, fused):
    """Return the function from a module's fused feature to the classes' scores."""
    classifier = _last_layer(model)
    is_dense = isinstance(classifier, keras.layers.Dense)
    end = node_in(model, classifier).input_tensors[0] if is_dense else model.outputs[0]
    try:
        rest = keras.Model(fused, end)
    except ValueError as error:
        raise ValueError(
            "The rule 'gradient' needs a network in which all that follows a module "
            "depends on its fused feature; choose another rule. Received: "
            f"model={model.name!r}"
        ) from error
    if not is_dense:
        return lambda x: rest(x, training=False)

    def scores(x):
        features = keras.ops.cast(rest(x, training=False), "float32")
        logits = keras.ops.matmul(features, classifier.kernel)
        return logits if classifier.bias is None else logits + classifier.bias

    return scores


def _last_layer(model):
    for layer in model.layers[::-1]:
        if node_in(model, layer).outputs[0] is model.outputs[0]:
            return layer
    return None


def _gradient(function, x):
    """Return the gradient of a scalar function at an array, as an array."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return np.asarray(tape.gradient(value, x), "float32")
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(x)), "float32")
    if backend == "torch":
        import torch

        x = keras.ops.convert_to_tensor(x).requires_grad_()
        (result,) = torch.autograd.grad(function(x), x)
        return keras.ops.convert_to_numpy(result).astype("float32")
    raise ValueError(
        "The rule 'gradient' works on TensorFlow, JAX and PyTorch; choose another "
        f"rule. Received: Keras' backend {backend!r}"
    )
