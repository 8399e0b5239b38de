"""The logits of a classifier, and a map on the way to them, as a model."""

import keras
from keras import ops

CLASSIFIERS = (keras.layers.Dense, keras.layers.Softmax, keras.layers.Activation)


class LogitsModel(keras.Model):
    """A flat model with list inputs and outputs, compiled, that prints nothing."""

    def call(self, inputs, training=None, mask=None):
        if not hasattr(self, "_compiled"):
            import tensorflow as tf  # Saliency calls models without compiling them

            self._compiled = tf.function(super().call)
        return self._compiled(inputs, training=False)

    def predict(self, x, batch_size=None, verbose=0, **kwargs):
        return super().predict(x, batch_size, verbose=verbose, **kwargs)


def logits_model(model, layer=None):
    """Return a model that maps images to the logits of a classifier.

    It shares the layers and weights of `model`, its graph is its own. So a layer's
    map has a name of its own there: `layer.output` is ambiguous for a layer that is
    part of several graphs.

    Args:
        model: A functional `keras.Model` with one input that ends in a `Dense`,
            or in the activation of one.
        layer: Optional string, the name of a layer whose output, as float32, is
            the output of the layer `"evidence_map"` of the model returned.

    Returns:
        A `keras.Model`: a list of one batch of images -> a list of the logits
        `(N, classes)`.

    Raises:
        ValueError: If `model` has no such layer or does not end in a classifier.
    """
    classifier = _classifier(model)
    if layer is not None:
        _check_layer(model, layer)

    def call(operation, *args, **kwargs):
        if operation is classifier:
            return _logits(classifier, args[0])
        outputs = operation(*args, **kwargs)
        if operation.name != layer:
            return outputs
        # In half precision, tf-keras-vis could not resize it.
        return keras.layers.Identity(dtype="float32", name="evidence_map")(outputs)

    image = model.inputs[0]
    inputs = [keras.Input(batch_shape=image.shape, dtype=image.dtype, name="images")]
    run = keras.models.clone_model(
        keras.Model(model.inputs, model.outputs),
        inputs,
        clone_function=lambda operation: operation,
        call_function=call,
    )
    return LogitsModel(inputs, [run.outputs[0]], name=f"{model.name}_logits")


def _classifier(model):
    """Return the operation of a model that makes its output from features."""
    functional = isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth")
    single = functional and len(model.inputs) == len(model.outputs) == 1
    if single and len(model.outputs[0].shape) == 2:
        last = model.outputs[0]._keras_history.operation
        if isinstance(last, CLASSIFIERS):
            return last
    raise ValueError(
        "Evidence for a class needs a functional model with one input that ends in "
        "a Dense layer or its activation, as the networks of keras_resattn with "
        f"include_top=True do. Received: model={model!r}"
    )


def _logits(classifier, x):
    """Return what a classifier computes, without its activation."""
    if not isinstance(classifier, keras.layers.Dense):
        return x
    x = ops.matmul(ops.cast(x, classifier.compute_dtype), classifier.kernel)
    return x + classifier.bias if classifier.use_bias else x


def _check_layer(model, layer):
    nodes = [node for row in model._nodes_by_depth.values() for node in row]
    maps = [
        node.operation.name
        for node in nodes
        if len(node.outputs) == 1 and len(node.outputs[0].shape) == 4
    ]
    if layer not in maps:
        raise ValueError(
            "`layer` must be the name of a layer of the model that gives a map "
            f"(N, h, w, C), such as {maps[:3]}. Received: layer={layer!r}"
        )
