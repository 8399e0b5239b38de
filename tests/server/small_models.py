"""SavedModels that are saved in no time, and how versions of them are published."""

import shutil

import tensorflow as tf

EXAMPLE = {"x": tf.io.FixedLenFeature([], tf.float32)}


class Times(tf.Module):
    """Multiplies by a factor; classifies and regresses examples of `x` by it."""

    def __init__(self, factor):
        self.factor = tf.Variable(float(factor))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def predict(self, x):
        return {"y": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs):
        x = tf.io.parse_example(inputs, EXAMPLE)["x"] * self.factor
        classes = tf.tile([["low", "high"]], [tf.shape(inputs)[0], 1])
        return {"classes": classes, "scores": tf.stack([-x, x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        x = tf.io.parse_example(inputs, EXAMPLE)["x"] * self.factor
        return {"outputs": x[:, None]}


class Renamed(tf.Module):
    """As `Times(1)`, with another name for its input."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "number")])
    def predict(self, number):
        return {"y": number}


def save(folder, module):
    signatures = {"serving_default": module.predict}
    for name in ("classify", "regress"):
        if hasattr(module, name):
            signatures[name] = getattr(module, name)
    tf.saved_model.save(module, str(folder), signatures=signatures)


def publish(model, target):
    """Copies a version beside its place and renames it, as it ought to be done."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}")
    shutil.copytree(model, beside)
    return beside.rename(target)
