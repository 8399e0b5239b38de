import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.training.fused_momentum import fuse_momentum
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.shared_constants import shared_constant

pytestmark = pytest.mark.one_backend


def test_a_graph_holds_each_value_and_dtype_once():
    with tf.Graph().as_default() as graph:
        first = shared_constant(0.9, "float32")
        assert shared_constant(0.9, tf.float32) is first
        assert shared_constant(0.9, "float64") is not first
        assert shared_constant((-1, 3), "int32") is not shared_constant((3,), "int32")
        assert [op.type for op in graph.get_operations()] == ["Const"] * 4


def test_a_branch_has_constants_of_its_own():
    def doubled():
        return shared_constant(1.5, "float32") * 2

    @tf.function(autograph=False)
    def step(which):
        return tf.cond(which, doubled, doubled), doubled()

    assert [float(value) for value in step(tf.constant(False))] == [3.0, 3.0]


def test_eager_values_and_control_dependencies():
    assert float(shared_constant(0.5, "bfloat16")) == 0.5
    with tf.Graph().as_default():
        with tf.control_dependencies([tf.no_op()]):
            constant = shared_constant(0.5, "float32")
        assert not constant.op.control_inputs


def test_a_graph_that_is_no_longer_used_is_freed():
    graph = tf.Graph()
    with graph.as_default():
        shared_constant(0.9, "float32")
    kept = weakref.ref(graph)
    del graph
    gc.collect()
    assert kept() is None


def test_variables_of_one_optimizer_share_its_numbers():
    variables = [keras.Variable(np.ones(3, "float32")) for _ in range(5)]
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.01)
    optimizer.build(variables)
    assert fuse_momentum(optimizer)

    @tf.function(autograph=False)
    def step():
        optimizer.apply([tf.ones(3)] * 5, variables)

    graph = step.get_concrete_function().graph
    values = [
        float(tf.get_static_value(op.outputs[0]))
        for op in graph.get_operations()
        if op.type == "Const" and op.outputs[0].dtype == tf.float32
        if op.outputs[0].shape == ()
    ]
    for value in (0.9, 0.01):
        assert values.count(np.float32(value)) == 1
