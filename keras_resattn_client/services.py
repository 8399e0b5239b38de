"""TensorFlow Serving's services by the names of their methods, without messages.

What passes requests on needs no more, and importing the messages of
tensorflow-serving-api imports TensorFlow: Ray's proxies would take too long to start.
"""

import grpc

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

METHODS = {
    PREDICTION_SERVICE: ("Predict", "Classify", "Regress", "GetModelMetadata"),
    MODEL_SERVICE: ("GetModelStatus",),
}


def add_services(servicer: object, server: grpc.Server) -> None:
    """Register methods that get requests as bytes and return answers as bytes.

    Args:
        servicer: Has a method for each name.
        server: The server that shall have them.
    """
    for service, names in METHODS.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(getattr(servicer, name))
            for name in names
        }
        handler = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((handler,))
