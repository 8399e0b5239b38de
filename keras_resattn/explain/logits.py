"""The logits of a classifier, and a map on the way to them, as a model."""

import keras
from keras import ops

from keras_resattn.views.modules import node_in

CLASSIFIERS = (keras.layers.Dense, keras.layers.Softmax, keras.layers.Activation)


class LogitsModel(keras.Model):
    """A functional model with list inputs and outputs that prints nothing."""

    def predict(self, x, batch_size=None, verbose=0, **kwargs):
        return super().predict(x, batch_size, verbose=verbose, **kwargs)


class Compiled(keras.layers.Layer):
    """A part of a graph as one compiled function (TensorFlow), the weights fixed.

    Eagerly it would be slow. And gradients of kernels, which nobody asks for here,
    are not computed: on a processor, TensorFlow 2.21 may end the process in them
    (oneDNN; a 1x1 convolution of stride 2 with few channels and an odd batch).
    """

    def __init__(self, part, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.part = part
        self.run = _compiled(part)

    def call(self, inputs):
        return self.run(inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.part.outputs[0].shape, "float32")


def _compiled(part):
    """Return a model as a function, float32, with gradients of its input only."""
    import tensorflow as tf

    @tf.function
    def forward(x):
        return tf.cast(part(x, training=False), "float32")

    @tf.function
    def backward(x, upstream):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = forward(x)
        return tape.gradient(y, x, upstream)

    @tf.custom_gradient
    def run(x):
        def gradient(upstream, variables=()):
            return backward(x, upstream), [None] * len(variables)

        return forward(x), gradient

    return run


def logits_model(model, layer):
    """Return a model that maps images to the logits of a classifier.

    It shares the layers and weights of `model`, and has two layers: what comes
    before a map, `"evidence_map"`, and what comes after it, `"logits"`.

    Args:
        model: A functional `keras.Model` with one input that ends in a `Dense`,
            or in the activation of one.
        layer: String, the name of a layer that gives a map and that all paths
            from the image to the classifier pass through.

    Returns:
        A `keras.Model`: a list of one batch of images -> a list of the logits
        `(N, classes)`, float32.

    Raises:
        ValueError: If `model` has no such layer or does not end in a classifier.
    """
    body, head = _parts(model, layer)
    image = model.inputs[0]
    inputs = keras.Input(batch_shape=image.shape, dtype=image.dtype, name="images")
    maps = Compiled(body, name="evidence_map")(inputs)
    logits = Compiled(head, name="logits")(maps)
    return LogitsModel([inputs], [logits], name=f"{model.name}_logits")


def classifier_of(model):
    """Return the operation of a model that makes its output from features.

    Args:
        model: A `keras.Model`.

    Returns:
        A `Dense` layer, or the layer that applies its activation.

    Raises:
        ValueError: If `model` has several inputs or ends in something else.
    """
    functional = isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth")
    single = functional and len(model.inputs) == len(model.outputs) == 1
    if single and len(model.outputs[0].shape) == 2:
        last = model.outputs[0]._keras_history.operation
        if isinstance(last, CLASSIFIERS):
            return last
    raise ValueError(
        "The score of a class is its logit: pass a model with a classifier, a "
        "functional one with one input that ends in a Dense layer or its activation, "
        "as the networks of keras_resattn with include_top=True do. Received: "
        f"model={model!r}"
    )


def logits_after(tensor, model, classifier):
    """Return the part of a classifier after a tensor, as far as the logits.

    Args:
        tensor: A tensor of the graph of `model`.
        model: A functional `keras.Model`.
        classifier: What `classifier_of` gives.

    Returns:
        A `keras.Model`: `tensor` -> the logits `(N, classes)`, float32; or
        `None` if they do not depend on `tensor` alone.
    """
    try:
        head = keras.Model([tensor], model.outputs)
    except ValueError:
        return None

    def call(operation, *args, **kwargs):
        if operation is not classifier:
            return operation(*args, **kwargs)
        if not isinstance(classifier, keras.layers.Dense):
            return args[0]
        x = ops.matmul(ops.cast(args[0], "float32"), classifier.kernel)
        return x + classifier.bias if classifier.use_bias else x

    inputs = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name="maps")
    run = keras.models.clone_model(
        head,
        [inputs],
        clone_function=lambda operation: operation,
        call_function=call,
    )
    return keras.Model(inputs, ops.cast(run.outputs[0], "float32"))


def _parts(model, layer):
    """Return the parts of a model before and after the map that a layer gives."""
    classifier, maps = classifier_of(model), {}
    for operation in model.layers:
        [*outputs] = node_in(model, operation).outputs
        if len(outputs) == 1 and len(outputs[0].shape) == 4:
            maps[operation.name] = outputs[0]
    head = logits_after(maps[layer], model, classifier) if layer in maps else None
    if head is not None:
        return keras.Model(model.inputs[0], maps[layer]), head
    raise ValueError(
        "`layer` must be the name of a layer that gives a map (N, h, w, C) and that "
        "all paths to the classifier pass through, such as a unit's or 'post_relu' "
        f"(the last map of this model: {[*maps][-1:]}). Received: layer={layer!r}"
    )
