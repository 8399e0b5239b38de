"""The REST interface: what each URL answers."""

import functools
import json
import logging
import re
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route

from keras_resattn.server import rest_inference
from keras_resattn.server.inference import Inference
from keras_resattn.server.options import MAX_REQUEST_BYTES
from keras_resattn.server.registry import ServableRegistry
from keras_resattn.server.status import ServingError
from keras_resattn.server.versions import MAX_VERSION

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<verb>predict|classify|regress)",
    re.IGNORECASE,
)
_DESCRIPTION = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?P<metadata>/metadata)?",
    re.IGNORECASE,
)

_logger = logging.getLogger(__name__)


def create_app(
    registry: ServableRegistry,
    inference: Inference | None = None,
    max_request_bytes: int = MAX_REQUEST_BYTES,
) -> Starlette:
    """Makes the ASGI application that answers for a registry's models.

    Args:
        registry: The models.
        inference: Runs them; None for one of its own.
        max_request_bytes: Larger request bodies are refused with 413.

    Returns:
        The application. Inference runs in a thread pool, so that status and health
        requests are answered meanwhile.
    """
    rest_api = _RestApi(registry, inference or Inference(), max_request_bytes)
    return Starlette(routes=[Route("/healthz", _health), Mount("/", rest_api)])


class _RestApi:
    def __init__(
        self, registry: ServableRegistry, inference: Inference, max_request_bytes: int
    ):
        self.registry = registry
        self.inference = inference
        self.max_request_bytes = max_request_bytes

    async def __call__(self, scope, receive, send) -> None:
        request = Request(scope, receive)
        path = _raw_path(scope)
        try:
            response = await self.answer(request, path)
        except ServingError as error:
            response = _error(error.message, error.http_status)
        except ClientDisconnect:
            return
        except Exception:
            _logger.exception("%s %s failed", request.method, path)
            response = _error("Internal error: see the server's log.", 500)
        await response(scope, receive, send)

    async def answer(self, request: Request, path: str) -> Response:
        if request.method == "POST" and (match := _INFERENCE.fullmatch(path)):
            return await self.infer(request, **match.groupdict())
        if request.method == "GET" and (match := _DESCRIPTION.fullmatch(path)):
            return _json(json.dumps(self.describe(**match.groupdict())))
        if request.method in ("HEAD", "OPTIONS"):
            return Response(status_code=400, media_type="application/json")
        if not path.lower().startswith("/v1/"):
            return _error(f"Not found. Received: {request.method} {path}", 404)
        raise ServingError(f"Malformed request: {request.method} {path}")

    async def infer(
        self,
        request: Request,
        name: str,
        version: str | None,
        label: str | None,
        verb: str,
    ) -> Response:
        body = await self.read_body(request)
        if body is None:
            limit = self.max_request_bytes
            return _error(f"The request's body is larger than {limit} bytes.", 413)
        answer = {
            "predict": rest_inference.predict,
            "classify": rest_inference.classify,
            "regress": rest_inference.regress,
        }[verb.lower()]
        find = functools.partial(
            self.registry.get,
            unquote(name),
            _version_number(version),
            label and unquote(label),
        )
        return _json(await answer(self.inference, find, body))

    async def read_body(self, request: Request) -> bytes | None:
        """The body; None where it is too large, told as early as it can be."""
        if int(request.headers.get("content-length", 0)) > self.max_request_bytes:
            return None
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.max_request_bytes:
                return None
        return bytes(body)

    def describe(
        self,
        name: str | None,
        version: str | None,
        label: str | None,
        metadata: str | None,
    ) -> dict:
        if not name:
            raise ServingError("Missing model name in request.")
        name, number = unquote(name), _version_number(version)
        if metadata:
            return self.registry.get(name, number, label and unquote(label)).metadata()
        statuses = self.registry.statuses(name, number)
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
                for version, status in statuses.items()
            ]
        }


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok")


def _raw_path(scope) -> str:
    """The path as sent: the contract neither strips nor decodes it beforehand."""
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _version_number(text: str | None) -> int | None:
    if text is None:
        return None
    # The length first: Python refuses to convert thousands of digits.
    if len(text) > 100 or int(text) > MAX_VERSION:
        raise ServingError(f"Failed to convert version: {text} to numeric.")
    return int(text)


def _json(text: str, status: int = 200) -> Response:
    content = text.encode("utf-8", "surrogateescape")
    return Response(content, status, media_type="application/json")


def _error(message: str, status: int) -> Response:
    return _json(json.dumps({"error": message}), status)
