"""Constants that a TensorFlow graph holds once."""

import tensorflow as tf

_ATTRIBUTE = "_keras_resattn_constants"


def shared_constant(value: float | tuple[int, ...], dtype: str | tf.DType) -> tf.Tensor:
    """Return a constant, the same tensor for each call in one graph.

    TensorFlow makes an operation of each Python number that meets a tensor, and the
    tracing of operations takes most of a first training step.

    Example:

    >>> with tf.Graph().as_default():
    ...     shared_constant(0.9, "float32") is shared_constant(0.9, "float32")
    True

    Args:
        value: A number, or a tuple of integers.
        dtype: The constant's dtype.

    Returns:
        A `tf.Tensor`.
    """
    if tf.executing_eagerly():
        return tf.constant(value, dtype)
    # Held by the graph: a dictionary of graphs would keep all of them alive, and a
    # collection is shared with the graphs of branches, which need their own constants.
    graph = tf.compat.v1.get_default_graph()
    if not hasattr(graph, _ATTRIBUTE):
        setattr(graph, _ATTRIBUTE, {})
    constants = getattr(graph, _ATTRIBUTE)
    key = (value, tf.as_dtype(dtype))
    if key not in constants:
        # Its later users need not wait for what the first one waits for.
        with tf.control_dependencies(None):
            constants[key] = tf.constant(value, dtype)
    return constants[key]
