"""The client's messages are those of tensorflow-serving-api, on the wire."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resattn_client import serving_pb2
from keras_resattn_client.tensors import to_array
from keras_resattn_client.tensors import to_tensor


def test_float_tensors_are_read_by_tensorflow():
    values = np.random.default_rng(0).normal(size=(2, 3, 1)).astype("float32")
    theirs = tf.make_ndarray(as_tensorflow(to_tensor(values)))
    np.testing.assert_array_equal(theirs, values)


def test_strings_are_read_by_tensorflow():
    theirs = tf.make_ndarray(as_tensorflow(to_tensor([b"\xff\0", b"", b"png"])))
    assert theirs.tolist() == [b"\xff\0", b"", b"png"]


@pytest.mark.parametrize("shape", [(), (0, 3), (2,), (300, 2)])
def test_tensorflows_float_tensors_are_read(shape):
    values = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    packed = tf.make_tensor_proto(values)
    listed = tf.make_tensor_proto(0.0, shape=shape)
    listed.ClearField("tensor_content")
    listed.float_val[:] = values.ravel().tolist()
    for theirs in (packed, listed):
        array = to_array(as_ours(theirs))
        assert array.dtype == np.float32 and array.shape == shape
        np.testing.assert_array_equal(array, values)


def test_a_repeated_value_may_be_left_out():
    theirs = tf.make_tensor_proto(0.5, shape=(2, 3))
    assert len(theirs.float_val) == 1
    np.testing.assert_array_equal(to_array(as_ours(theirs)), np.full((2, 3), 0.5))


def test_tensorflows_strings_are_read():
    theirs = tf.make_tensor_proto([[b"a", b"\xff"], [b"", b"d"]])
    assert to_array(as_ours(theirs)).tolist() == [[b"a", b"\xff"], [b"", b"d"]]


def test_other_types_are_told():
    with pytest.raises(ValueError, match="of type 9"):
        to_array(as_ours(tf.make_tensor_proto([1], tf.int64)))


def as_tensorflow(tensor):
    from tensorflow.core.framework import tensor_pb2

    return tensor_pb2.TensorProto.FromString(tensor.SerializeToString())


def as_ours(tensor):
    return serving_pb2.TensorProto.FromString(tensor.SerializeToString())


def test_every_field_has_the_number_and_name_of_theirs():
    from tensorflow_serving.apis import get_model_status_pb2
    from tensorflow_serving.apis import predict_pb2

    checked = set()
    compare(serving_pb2.PredictRequest, predict_pb2.PredictRequest, checked)
    compare(serving_pb2.PredictResponse, predict_pb2.PredictResponse, checked)
    for name in ("GetModelStatusRequest", "GetModelStatusResponse"):
        ours, theirs = getattr(serving_pb2, name), getattr(get_model_status_pb2, name)
        compare(ours, theirs, checked)
    assert {"ModelSpec", "TensorProto", "Dim", "StatusProto"} <= checked


def compare(ours, theirs, checked):
    ours, theirs = (getattr(m, "DESCRIPTOR", m) for m in (ours, theirs))
    checked.add(ours.name)
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        enum = other.type == other.TYPE_ENUM and field.type == field.TYPE_INT32
        assert field.number == other.number, field.full_name
        assert field.type == other.type or enum, field.full_name
        assert field.is_repeated == other.is_repeated, field.full_name
        if field.message_type and field.message_type.name not in checked:
            compare(field.message_type, other.message_type, checked)


def test_the_states_have_their_names():
    from tensorflow_serving.apis import get_model_status_pb2

    from keras_resattn_client.grpc_transport import _STATES

    states = get_model_status_pb2.ModelVersionStatus.State
    assert _STATES == {number: name for name, number in states.items()}
