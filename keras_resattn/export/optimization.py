"""A network rewritten for TensorFlow's fused kernels, its weights frozen.

All that is written is TensorFlow's standard operations. When a SavedModel is loaded,
TensorFlow's graph optimizer (Grappler's remapper) fuses them into oneDNN's kernels;
here they are brought into the form that it knows.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from keras_resattn.layers import AlignedResize
from keras_resattn.views.batch_norm_folding import scale_and_shift


def optimize(model):
    """Return a folded model whose operations TensorFlow fuses.

    Replaced are, with the same results within rounding:

    * a batch normalization that could not be folded, by a depthwise 1 x 1
      convolution: with the ReLU after it one pass over the map instead of three;
    * a convolution without bias, by one with a bias too small to change a sum:
      TensorFlow fuses the sum of a residual unit with a convolution that has one;
    * an aligned resize, by TensorFlow's operation;
    * a sigmoid, by one in float32: in bfloat16, TensorFlow's is four times slower.

    Maps with the channels first stay as they are.

    Args:
        model: What `keras_resattn.fold_batch_norm` returned, in any precision.
            It is not changed.

    Returns:
        A `keras.Model` for inference on TensorFlow.
    """

    def replace(operation):
        replacement = REPLACEMENTS.get(type(operation))
        return replacement(operation) if replacement else operation

    return keras.models.clone_model(model, clone_function=replace, call_function=_call)


def _call(layer, *args, **kwargs):
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return layer(*args)  # without a batch normalization's `training` and `mask`
    return layer(*args, **kwargs)


def freeze(function):
    """Return a `tf.function` with constants in place of its variables.

    oneDNN reorders the kernel of a convolution at each call, unless it is a
    constant. The optimizer knows only constants, too.

    Args:
        function: A `tf.function` with an input signature; it returns a dictionary.

    Returns:
        A function of the same tensors.
    """
    concrete = function.get_concrete_function()
    with _quiet():
        frozen = convert_variables_to_constants_v2(concrete)
    structure = concrete.structured_outputs

    def call(*inputs):
        return tf.nest.pack_sequence_as(structure, frozen(*inputs))

    return call


@contextlib.contextmanager
def _quiet():
    """TensorFlow warns that it cannot note in the graph which were its variables."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


class NativeAlignedResize(keras.layers.Layer):
    """`AlignedResize`, computed by TensorFlow's operation; channels last."""

    def call(self, inputs):
        x, reference = inputs
        size = tf.shape(reference)[1:3]
        resized = tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=True)
        return tf.cast(resized, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (*reference[:3], x[3])


# === Replacements ===


def _resize(layer):
    if layer.data_format != "channels_last":
        return layer
    return NativeAlignedResize(name=layer.name, dtype=layer.dtype_policy)


def _convolution(layer):
    if layer.use_bias:
        return layer
    copy = keras.layers.Conv2D.from_config({**layer.get_config(), "use_bias": True})
    copy.build_from_config(layer.get_build_config())
    # A bias of zeros would be optimized away before it is fused.
    bias = np.full(copy.bias.shape, np.finfo("float32").tiny)
    copy.set_weights([*layer.get_weights(), bias])
    return copy


def _depthwise(layer):
    if layer.input_spec.ndim != 4 or layer.axis not in (-1, 3):
        return layer
    copy = keras.layers.DepthwiseConv2D(
        1, data_format="channels_last", name=layer.name, dtype=layer.dtype_policy
    )
    scale, shift = scale_and_shift(layer)
    copy.build((None, None, None, len(scale)))
    copy.set_weights([scale.reshape(copy.kernel.shape), shift])
    return copy


def _sigmoid(operation):
    return keras.layers.Activation("sigmoid", name=operation.name, dtype="float32")


def _operation_class(function):
    """Return the class of a graph's nodes that a function of `keras.ops` makes."""
    return type(function(keras.KerasTensor((1,)))._keras_history.operation)


# By the very class: a subclass may compute something else.
REPLACEMENTS = {
    AlignedResize: _resize,
    keras.layers.BatchNormalization: _depthwise,
    keras.layers.Conv2D: _convolution,
    _operation_class(keras.ops.sigmoid): _sigmoid,
}
