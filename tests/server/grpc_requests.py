"""Requests of gRPC, by their tensors."""

import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest


def predict_request(name, signature="", **inputs):
    request = PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request
