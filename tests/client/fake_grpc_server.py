"""A server of gRPC that answers as a script says."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from keras_resattn_client import serving_pb2
from keras_resattn_client.services import add_services


class Servicer:
    """Gives the answers one after the other, and the last one again and again.

    Args:
        answers: Each is a status code's name, or its name, details and metadata;
            `"OK"` is a prediction, `"HANG"` none.
    """

    def __init__(self, answers):
        self.answers = list(answers)
        self.requests = []
        self.ended = threading.Event()

    def Predict(self, request, context):
        self.requests.append((request, dict(context.invocation_metadata())))
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        code, details, *metadata = answer if isinstance(answer, tuple) else (answer, "")
        if code == "HANG":
            self.ended.wait(60)
        elif code != "OK":
            context.set_trailing_metadata(metadata)
            context.abort(grpc.StatusCode[code], details)
        return prediction().SerializeToString()

    Classify = Regress = MultiInference = GetModelMetadata = GetModelStatus = Predict


@contextlib.contextmanager
def fake_grpc_server(*answers, credentials=None):
    """Give a port, and the `Servicer` behind it."""
    servicer = Servicer(answers)
    server = grpc.server(ThreadPoolExecutor(4))
    add_services(servicer, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port, servicer
    finally:
        servicer.ended.set()
        server.stop(None).wait()


def prediction():
    response = serving_pb2.PredictResponse()
    for name, dtype, values in (
        ("probabilities", 1, {"float_val": [0.25, 0.75]}),
        ("top_k_labels", 7, {"string_val": [b"dark", b"bright"]}),
        ("top_k_probabilities", 1, {"float_val": [0.75, 0.25]}),
    ):
        tensor = serving_pb2.TensorProto(dtype=dtype, **values)
        for size in (1, 2):
            tensor.tensor_shape.dim.add(size=size)
        response.outputs[name].CopyFrom(tensor)
    return response
