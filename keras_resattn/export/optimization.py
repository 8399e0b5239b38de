"""A network rewritten for the kernels of TensorFlow and of other runtimes.

It uses only TensorFlow's standard operations. When a SavedModel is loaded,
TensorFlow's graph optimizer (Grappler's remapper) fuses them into oneDNN's kernels.
This module brings them into the form that the optimizer knows. Converters to other
formats need less: one operation for each resize.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resattn.layers import AlignedResize
from keras_resattn.typing import Tensor
from keras_resattn.views.batch_norm_folding import scale_and_shift
from keras_resattn.views.flat import copy_with_weights
from keras_resattn.views.graph import producer_of


def optimize(model: keras.Model) -> keras.Model:
    """Return a folded model whose operations TensorFlow fuses.

    These are replaced, and the results are the same within rounding:

    * A batch normalization that could not be folded becomes a depthwise 1 x 1
      convolution. With the ReLU after it, this is one pass over the map instead of
      three.
    * A convolution without bias gets a bias too small to change a sum. TensorFlow
      fuses the sum of a residual unit only with a convolution that has a bias.
    * An aligned resize becomes TensorFlow's operation.
    * A sigmoid is computed in float32. In bfloat16, TensorFlow's is four times slower.

    Maps with the channels first stay as they are.

    Args:
        model: A result of `keras_resattn.fold_batch_norm`, in any precision.
            It is not changed.

    Returns:
        A `keras.Model` for inference on TensorFlow.
    """

    def replace(operation: keras.Operation) -> keras.Operation:
        replacement = REPLACEMENTS.get(type(operation))
        return replacement(operation) if replacement else operation

    return keras.models.clone_model(model, clone_function=replace, call_function=_call)


def resize_natively(model: keras.Model) -> keras.Model:
    """Return a model whose aligned resizes are TensorFlow's operation.

    Converters know this operation as a bilinear resize with aligned corners. Two
    matrix products in its place are slower, most of all in 8 bits, because the map has
    to change its layout for them.

    Args:
        model: A functional `keras.Model` in float32. It is not changed.

    Returns:
        A `keras.Model` for TensorFlow; `model` itself if it has nothing to replace.
        Maps with the channels first, and resizes inside layers, stay as they are.
    """
    if not any(type(layer) is AlignedResize for layer in model.layers):
        return model

    def copy(operation: keras.Operation) -> keras.Operation:
        if type(operation) is AlignedResize:
            return _resize(operation)
        if not isinstance(operation, keras.layers.Layer):
            return operation
        return type(operation).from_config(operation.get_config())

    return copy_with_weights(model, clone_function=copy)


def _call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Tensor:
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return layer(*args)  # without a batch normalization's `training` and `mask`
    return layer(*args, **kwargs)


class NativeAlignedResize(keras.layers.Layer):
    """`AlignedResize` by TensorFlow's operation, for maps with the channels last."""

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, reference = inputs
        size = reference.shape[1:3]
        if None in size:  # A known size stays in the shapes of signatures.
            size = tf.shape(reference)[1:3]
        resized = tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=True)
        return tf.cast(resized, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        x, reference = input_shape
        return (*reference[:3], x[3])


# === Replacements ===


def _resize(layer: AlignedResize) -> keras.layers.Layer:
    if layer.data_format != "channels_last":
        return layer
    return NativeAlignedResize(name=layer.name, dtype=layer.dtype_policy)


def _convolution(layer: keras.layers.Conv2D) -> keras.layers.Conv2D:
    if layer.use_bias:
        return layer
    copy = keras.layers.Conv2D.from_config({**layer.get_config(), "use_bias": True})
    copy.build_from_config(layer.get_build_config())
    # A bias of zeros would be optimized away before it is fused.
    bias = np.full(copy.bias.shape, np.finfo("float32").tiny)
    copy.set_weights([*layer.get_weights(), bias])
    return copy


def _depthwise(layer: keras.layers.BatchNormalization) -> keras.layers.Layer:
    if layer.input_spec.ndim != 4 or layer.axis not in (-1, 3):
        return layer
    copy = keras.layers.DepthwiseConv2D(
        1, data_format="channels_last", name=layer.name, dtype=layer.dtype_policy
    )
    scale, shift = scale_and_shift(layer)
    copy.build((None, None, None, len(scale)))
    copy.set_weights([scale.reshape(copy.kernel.shape), shift])
    return copy


def _sigmoid(operation: keras.Operation) -> keras.layers.Layer:
    return keras.layers.Activation("sigmoid", name=operation.name, dtype="float32")


def _operation_class(function: Callable[[Tensor], Tensor]) -> type[keras.Operation]:
    """Return the class of the operations that a function of `keras.ops` makes."""
    return type(producer_of(function(keras.KerasTensor((1,)))))


# Not isinstance: a subclass may compute something else.
REPLACEMENTS = {
    AlignedResize: _resize,
    keras.layers.BatchNormalization: _depthwise,
    keras.layers.Conv2D: _convolution,
    _operation_class(keras.ops.sigmoid): _sigmoid,
}
