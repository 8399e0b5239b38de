"""The names of TensorFlow Serving's services and methods, without messages.

A proxy that only forwards bytes needs no messages. Those of tensorflow-serving-api
import TensorFlow, so Ray's proxies would take too long to start.
"""

import grpc

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

METHODS = {
    PREDICTION_SERVICE: (
        *("Predict", "Classify", "Regress", "MultiInference"),
        "GetModelMetadata",
    ),
    MODEL_SERVICE: ("GetModelStatus",),
}


def add_services(servicer: object, server: grpc.Server) -> None:
    """Register methods that take requests as bytes and return answers as bytes.

    Args:
        servicer: Has a method per name in `METHODS`.
        server: The server to register them with.
    """
    for service, names in METHODS.items():
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(getattr(servicer, name))
            for name in names
        }
        handler = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((handler,))
