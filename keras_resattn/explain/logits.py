"""The logits of a classifier, and a map on the way to them, as a model."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_resattn.typing import Array
from keras_resattn.typing import Tensor
from keras_resattn.views.classifier_output import last_computing
from keras_resattn.views.flat import flattened
from keras_resattn.views.graph import is_functional
from keras_resattn.views.graph import nodes_of
from keras_resattn.views.outputs import with_output
from keras_resattn.views.renamed import unwrap


class LogitsModel(keras.Model):
    """A functional model with list inputs and outputs that prints nothing."""

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int = 0, **kwargs: Any
    ) -> list[Array]:
        return super().predict(x, batch_size, verbose=verbose, **kwargs)


class Compiled(keras.layers.Layer):
    """A part of a graph as one compiled function (TensorFlow) with fixed weights.

    Eager computation would be slow. Gradients of kernels, which nobody needs here,
    are not computed, because TensorFlow 2.21 on a CPU may crash the process in them
    (oneDNN; a 1x1 convolution of stride 2 with few channels and an odd batch).
    """

    def __init__(self, part: keras.Model, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.part = part
        self.run = _compiled(part)

    def call(self, inputs: Tensor) -> Tensor:
        return self.run(inputs)

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.part.outputs[0].shape, "float32")


def _compiled(part: keras.Model) -> Callable[[Tensor], Tensor]:
    """Return a model as a float32 function with gradients of its input only."""
    import tensorflow as tf

    @tf.function
    def forward(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(part(x, training=False), "float32")

    @tf.function
    def backward(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = forward(x)
        return tape.gradient(y, x, upstream)

    @tf.custom_gradient
    def run(x: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        def gradient(upstream: tf.Tensor, variables: Any = ()) -> Any:
            return backward(x, upstream), [None] * len(variables)

        return forward(x), gradient

    return run


def logits_model(model: keras.Model, layer: str | None = None) -> LogitsModel:
    """Return a model that maps images to the logits of a classifier.

    It shares the layers and weights of `model`. It has two layers: the part before a
    map, `"evidence_map"`, and the part after it, `"logits"`.

    Args:
        model: A functional `keras.Model` or a built `keras.Sequential` with one input.
            It ends in a `Dense` layer or in the activation of one, its own or that of
            a network that it calls as a layer.
        layer: String, the name of a layer whose output is a map and that all paths
            from the image to the classifier pass through. For a layer of a network
            that `model` calls, see `keras_resattn.attention_masks`. Defaults to the
            last such layer.

    Returns:
        A `keras.Model`: a list of one batch of images -> a list of the logits
        `(N, classes)`, float32.

    Raises:
        ValueError: If `model` has no such layer or does not end in a classifier.
    """
    classifier_of(model)  # or an error
    body, head = parts_at(flattened(model), layer)
    image = model.inputs[0]
    inputs = keras.Input(batch_shape=image.shape, dtype=image.dtype, name="images")
    maps = Compiled(body, name="evidence_map")(inputs)
    logits = Compiled(head, name="logits")(maps)
    return LogitsModel([inputs], [logits], name=f"{model.name}_logits")


def classifier_of(model: keras.Model) -> keras.Operation:
    """Return the operation that computes the output of a model from features.

    Args:
        model: A `keras.Model`.

    Returns:
        A `Dense` layer, or the layer that applies its activation: an operation of the
        graph of `flattened(model)`.

    Raises:
        ValueError: If `model` has several inputs or does not end in a classifier.
    """
    model = with_output(model)
    flat: Any = flattened(model) if is_functional(model) else None
    single = flat is not None and len(flat.inputs) == len(flat.outputs) == 1
    if single and len(flat.outputs[0].shape) == 2:
        last = last_computing(model)
        if _is_classifier(unwrap(last.operation), last.outputs[0]):
            return last.operation
    raise ValueError(
        "The score of a class is its logit: pass a model with a classifier, which is a "
        "functional model with one input that ends in a Dense layer or its activation, "
        "as the networks of keras_resattn with include_top=True do. Received: "
        f"model={model!r}"
    )


def _is_classifier(operation: keras.Operation, output: keras.KerasTensor) -> bool:
    """Return whether an operation makes scores of classes.

    An activation of maps that are pooled after it makes features, unless it is one of
    classes.
    """
    if isinstance(operation, keras.layers.Activation):
        of_classes = (keras.activations.softmax, keras.activations.sigmoid)
        return len(output.shape) == 2 or operation.activation in of_classes
    return isinstance(operation, (keras.layers.Dense, keras.layers.Softmax))


def logits_after(
    tensor: keras.KerasTensor, model: keras.Model, classifier: keras.Operation
) -> keras.Model | None:
    """Return the part of a classifier after a tensor, up to the logits.

    Args:
        tensor: A tensor of the graph of `flattened(model)`.
        model: A functional `keras.Model` or a built `keras.Sequential`.
        classifier: The result of `classifier_of`.

    Returns:
        A `keras.Model`: `tensor` -> the logits `(N, classes)`, float32; or
        `None` if they do not depend on `tensor` alone.
    """
    try:
        head = keras.Model([tensor], flattened(model).outputs)
    except ValueError:
        return None

    def call(operation: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:
        if operation is not classifier:
            return operation(*args, **kwargs)
        return _logits(unwrap(operation), args[0])

    inputs = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name="maps")
    run = keras.models.clone_model(
        head,
        [inputs],
        clone_function=lambda operation: operation,
        call_function=call,
    )
    return keras.Model(inputs, ops.cast(run.outputs[0], "float32"))


def _logits(classifier: keras.layers.Layer, features: Tensor) -> Tensor:
    """Return the output of a classifier without its activation."""
    if not isinstance(classifier, keras.layers.Dense):
        return features
    logits = ops.matmul(ops.cast(features, "float32"), classifier.kernel)
    return logits + classifier.bias if classifier.use_bias else logits


def parts_at(
    model: keras.Model, layer: str | None = None
) -> tuple[keras.Model, keras.Model]:
    """Return the parts of a flat model before and after the map of a layer.

    The second one returns logits. By default, the layer is the last one with a map
    that all paths to the classifier pass through.
    """
    classifier = classifier_of(model)
    maps: dict[str, keras.KerasTensor] = {}
    for node in nodes_of(model):
        if node.operation is classifier:
            break  # what follows depends on probabilities
        is_layer = isinstance(node.operation, keras.layers.Layer)
        if is_layer and len(node.outputs) == 1 and len(node.outputs[0].shape) == 4:
            maps.setdefault(node.operation.name, node.outputs[0])
    # A map of one position shows nothing.
    wide = [name for name, tensor in maps.items() if tensor.shape[1:3] != (1, 1)]
    for name in wide[::-1] if layer is None else [layer] if layer in maps else []:
        head = logits_after(maps[name], model, classifier)
        if head is not None:
            return keras.Model(model.inputs[0], maps[name]), head
    raise ValueError(
        "`layer` must be the name of a layer whose output is a map (N, h, w, C) and "
        "that all paths to the classifier pass through, such as a unit or 'post_relu' "
        f"(the last map of this model: {[*maps][-1:]}). Received: layer={layer!r}"
    )
