"""The client's side of TensorFlow Serving's gRPC interface."""

from collections.abc import Callable
from typing import Any
from typing import TypeAlias

import grpc

from keras_resattn_client import serving_pb2
from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerNotTrusted
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable
from keras_resattn_client.retry import Passing
from keras_resattn_client.retry import Retry
from keras_resattn_client.services import MODEL_SERVICE
from keras_resattn_client.services import PREDICTION_SERVICE
from keras_resattn_client.target import Target
from keras_resattn_client.target import Tls
from keras_resattn_client.tensors import to_array
from keras_resattn_client.tensors import to_tensor
from keras_resattn_client.transport import Inputs
from keras_resattn_client.transport import Status
from keras_resattn_client.typing import Array

PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)

_Method: TypeAlias = Callable[..., Any]
_OPTIONS = [
    # Masks of many images are larger than gRPC's 4 MB.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # The retries are in retry.py. Reconnect soon to a server that starts.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]
# As tensorflow_serving/apis/get_model_status.proto numbers them.
_STATES = {
    0: "UNKNOWN",
    10: "START",
    20: "LOADING",
    30: "AVAILABLE",
    40: "UNLOADING",
    50: "END",
}
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class GrpcTransport:
    """Run signatures by `PredictionService.Predict`.

    Args:
        target: The server and the model.
        retry: The number of attempts and their time.
        api_key: Sent as metadata `authorization: Bearer KEY`. None is no key.
        tls: The files of an encrypted connection. The connection is encrypted for
            `grpcs`, or if any of them is given.
    """

    bytes_per_float = 4

    def __init__(self, target: Target, retry: Retry, api_key: str | None, tls: Tls):
        self.target = target
        self.retry = retry
        self.metadata = [("authorization", f"Bearer {api_key}")] if api_key else []
        if target.scheme == "grpcs" or tls != Tls():
            tls.context()  # gRPC does not say which file it cannot read
            credentials = grpc.ssl_channel_credentials(*tls.contents())
            self.channel = grpc.secure_channel(target.address, credentials, _OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target.address, _OPTIONS)
        self.predict = self._method(
            PREDICTION_SERVICE, "Predict", serving_pb2.PredictResponse.FromString
        )
        self.get_status = self._method(
            MODEL_SERVICE,
            "GetModelStatus",
            serving_pb2.GetModelStatusResponse.FromString,
        )

    def run(
        self, signature: str, inputs: Inputs, outputs: tuple[str, ...]
    ) -> dict[str, Array]:
        """Run one batch through a signature, as `Transport.run` describes."""
        request = serving_pb2.PredictRequest(model_spec=self._model_spec(signature))
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(to_tensor(values))
        response = self._ask(self.predict, request)
        return {name: to_array(tensor) for name, tensor in response.outputs.items()}

    def status(self) -> list[Status]:
        """Return the state of each version, as `Client.status` describes."""
        request = serving_pb2.GetModelStatusRequest(model_spec=self._model_spec())
        response = self._ask(self.get_status, request)
        return [
            {
                "version": version.version,
                "state": _STATES.get(version.state, str(version.state)),
                "error_code": _CODES[version.status.error_code],
                "error_message": version.status.error_message,
            }
            for version in response.model_version_status
        ]

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()

    def _method(
        self, service: str, name: str, response: Callable[[bytes], Any]
    ) -> _Method:
        return self.channel.unary_unary(
            f"/{service}/{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response,
        )

    def _model_spec(self, signature: str = "") -> serving_pb2.ModelSpec:
        spec = serving_pb2.ModelSpec(name=self.target.model, signature_name=signature)
        if self.target.version is not None:
            spec.version.value = self.target.version
        if self.target.label is not None:
            spec.version_label = self.target.label
        return spec

    def _ask(self, method: _Method, request: object) -> Any:
        return self.retry.call(lambda seconds: self._attempt(method, request, seconds))

    def _attempt(self, method: _Method, request: object, seconds: float) -> Any:
        try:
            return method(request, timeout=seconds, metadata=self.metadata)
        except grpc.RpcError as error:
            failure = self._failure(error, seconds)
            temporary = error.code() in PASSING and not _is_too_large(error)
            if (temporary or _is_of_ray(error)) and not isinstance(
                failure, ServerNotTrusted
            ):
                raise Passing(failure, _pushback(error)) from error
            raise failure from error

    def _failure(self, error: grpc.RpcError, seconds: float) -> Exception:
        url = f"{self.target.url}, model {self.target.model}"
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServerTimeout(url, seconds)
        if code is grpc.StatusCode.UNAVAILABLE and "ssl" in details.lower():
            return ServerNotTrusted(url, details)
        if code is grpc.StatusCode.UNAVAILABLE and "connect" in details.lower():
            return ServerUnreachable(url, details)
        return ServerError(code.name, details, url)


def _is_of_ray(error: grpc.RpcError) -> bool:
    """Return whether Ray answers because the replica with the request has ended."""
    details = error.details() or ""
    return error.code() is grpc.StatusCode.INTERNAL and details.startswith("The actor")


def _is_too_large(error: grpc.RpcError) -> bool:
    """Return whether a message is over the limit: then a retry does not help."""
    return "larger than max" in (error.details() or "")


def _pushback(error: grpc.RpcError) -> float | None:
    """Return the seconds that the server asks to wait, or None."""
    for item in error.trailing_metadata() or ():
        if item.key == "grpc-retry-pushback-ms" and str(item.value).isdecimal():
            return int(item.value) / 1000
    return None
