"""The REST interface: the answer to each URL."""

import functools
import json
import logging
import re
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from keras_resattn_server.errors import INTERNAL_ERROR
from keras_resattn_server.errors import error_response
from keras_resattn_server.loading.versions import MAX_VERSION
from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.models.servable import Servable
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.requests.classification import CLASSIFY
from keras_resattn_server.requests.classification import REGRESS
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rest.image_files import is_image_request
from keras_resattn_server.rest.image_files import predict_images
from keras_resattn_server.rest.inference import predict
from keras_resattn_server.rest.inference import run_examples
from keras_resattn_server.rest.operation import operation_routes
from keras_resattn_server.rest.request_body import BodyReader
from keras_resattn_server.running.inference import Find
from keras_resattn_server.running.inference import Inference
from keras_resattn_server.trace import trace_fields
from keras_resattn_server.wire.status import ServingError

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<verb>predict|classify|regress)",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?P<metadata>/metadata)?",
    re.IGNORECASE,
)

_ANSWERS: dict[str, Callable[[Inference, Find, bytes], Awaitable[str]]] = {
    "predict": predict,
    "classify": functools.partial(run_examples, CLASSIFY),
    "regress": functools.partial(run_examples, REGRESS),
}

_logger = logging.getLogger(__name__)


def create_app(
    registry: ServableRegistry,
    inference: Inference | None = None,
    gate: Gate | None = None,
    options: ServerOptions | None = None,
) -> Starlette:
    """Return the ASGI application that serves the models of a registry.

    Args:
        registry: The models.
        inference: Runs the models. Defaults to a new one.
        gate: Admits and counts the requests. Defaults to a new one.
        options: Limits and files of the server.

    Returns:
        The application. Inference runs in a thread pool, so that status and health
        requests are answered at the same time.

    Raises:
        FileNotFoundError: If the monitoring config file does not exist.
        ValueError: If it is not valid.
    """
    options, gate = options or ServerOptions(), gate or Gate(registry)
    rest_api = _RestApi(registry, inference or Inference(), gate, options)
    routes = operation_routes(registry, gate, options)
    return Starlette(
        routes=[*routes, Mount("/", rest_api)],
        exception_handlers={Exception: _unexpected_error, HTTPException: _not_found},
    )


class _RestApi:
    def __init__(
        self,
        registry: ServableRegistry,
        inference: Inference,
        gate: Gate,
        options: ServerOptions,
    ):
        self.registry = registry
        self.inference = inference
        self.gate = gate
        self.bodies = BodyReader(options.max_request_bytes, gate.memory)
        self.seconds = options.rest_api_timeout_in_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = _raw_path(scope)
        try:
            response = await self.answer(request, path)
        except ServingError as error:
            response = error_response(error.message, error.http_status)
        except ClientDisconnect:
            return
        except Exception:
            _logger.exception("%s %s failed %s", request.method, path, trace_fields())
            response = error_response(INTERNAL_ERROR, 500)
        await response(scope, receive, send)

    async def answer(self, request: Request, path: str) -> Response:
        if self.gate.is_starting:
            raise ServingError("The models are being loaded.", "UNAVAILABLE")
        if request.method == "POST" and (match := _INFERENCE.fullmatch(path)):
            return await self.infer(request, **match.groupdict())
        if request.method == "GET" and (match := _DESCRIPTION.fullmatch(path)):
            return _json(json.dumps(self.describe(**match.groupdict())))
        if request.method == "OPTIONS":
            # As in TensorFlow Serving, which answers it only to browsers.
            if request.headers.get("origin", "").startswith("http"):
                return Response(media_type="application/json")
            raise ServingError(
                "OPTIONS is only for web pages, with the header Origin. Send GET or "
                f"POST. Received: OPTIONS {path}"
            )
        if not path.lower().startswith("/v1/"):
            return _no_such_path(request.method, path)
        raise ServingError(f"Malformed request: {request.method} {path}")

    async def infer(
        self,
        request: Request,
        name: str,
        version: str | None,
        label: str | None,
        verb: str,
    ) -> Response:
        answer = _ANSWERS[verb.lower()]
        if answer is predict and is_image_request(request.headers):
            answer = functools.partial(predict_images, request.headers)
        state = request.scope.setdefault("state", {})  # for the access log
        state["model"] = name = unquote(name)
        number, label = _version_number(version), label and unquote(label)

        def find() -> Servable:
            servable = self.registry.get(name, number, label)
            state["version"] = servable.version
            return servable

        async with (
            self.bodies.read(request) as body,
            self.gate.enter(name, verb.lower(), "REST", self.seconds),
        ):
            return _json(await answer(self.inference, find, body))

    def describe(
        self,
        name: str | None,
        version: str | None,
        label: str | None,
        metadata: str | None,
    ) -> dict[str, Any]:
        if not name:
            return {
                "models": [
                    {"name": name, **self.statuses(name)}
                    for name in self.registry.names()
                ]
            }
        name, number = unquote(name), _version_number(version)
        if metadata:
            return self.registry.get(name, number, label and unquote(label)).metadata()
        return self.statuses(name, number)

    def statuses(self, name: str, number: int | None = None) -> dict[str, Any]:
        return {
            "model_version_status": [
                {
                    "version": str(version),
                    "state": status.state,
                    "status": {
                        "error_code": status.code,
                        "error_message": status.message,
                    },
                }
                for version, status in self.registry.statuses(name, number).items()
            ]
        }


def _raw_path(scope: Scope) -> str:
    """Return the path as sent: TensorFlow Serving neither strips nor decodes it."""
    path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query: str = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _version_number(text: str | None) -> int | None:
    if text is None:
        return None
    # Check the length first: Python refuses to convert thousands of digits.
    if len(text) > 100 or int(text) > MAX_VERSION:
        raise ServingError(f"Failed to convert version: {text} to numeric.")
    return int(text)


def _json(text: str) -> Response:
    content = text.encode("utf-8", "surrogateescape")
    return Response(content, media_type="application/json")


def _no_such_path(method: str, path: str) -> Response:
    error = ServingError(f"Not found. Received: {method} {path}", "NOT_FOUND")
    return error_response(error.message, error.http_status)


async def _not_found(request: Request, error: Exception) -> Response:
    return _no_such_path(request.method, request.url.path)


async def _unexpected_error(request: Request, error: Exception) -> Response:
    return error_response(INTERNAL_ERROR, 500)
