"""API keys: which clients may send requests."""

import hashlib
import hmac
import os
import stat
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

import grpc
from starlette.datastructures import Headers
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from keras_resattn_client.typing import StrPath
from keras_resattn_server.errors import error_response
from keras_resattn_server.errors import refusal
from keras_resattn_server.grpc_types import Continuation
from keras_resattn_server.grpc_types import Handler

_MESSAGE = (
    "Send an API key of this server: `Authorization: Bearer KEY` or `x-api-key: KEY`."
)
_OPEN_PATHS = ("/healthz", "/readyz")
_OPEN_METHODS = "/grpc.health.v1.Health/"


class ApiKeys:
    """The accepted keys. Only their hashes are kept.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[str]):
        self.digests = [_digest(key.encode()) for key in keys]

    @classmethod
    def read(cls, path: StrPath) -> "ApiKeys":
        """Read a file of keys, one per line. Empty lines are ignored.

        Example:

        >>> keys = ApiKeys.read("keys.txt")
        >>> keys.accept({"authorization": "Bearer 5f2c..."})
        True

        Args:
            path: The file. Other users must not be able to read it.

        Returns:
            The keys.

        Raises:
            FileNotFoundError: If the file does not exist.
            PermissionError: If other users can read it.
            ValueError: If it has no key, or one that is not valid in a header.
        """
        path = Path(path)
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
                raise PermissionError(
                    "Other users can read the API key file. "
                    f"Run: chmod o-r {path}. Received: {path}"
                )
            lines = [line.strip() for line in file]
        keys = [line for line in lines if line]
        if not keys:
            raise ValueError(
                "The file has no API key. Write one per line, for example by "
                f"`openssl rand -hex 32`. Received: {path}"
            )
        for number, line in enumerate(lines, 1):
            if not (line.isascii() and line.isprintable()) or " " in line:
                raise ValueError(
                    "An API key must have only printable ASCII characters without "
                    f"spaces. Received: line {number} of {path}"
                )
        return cls(keys)

    def replace(self, keys: "ApiKeys") -> None:
        """Accept other keys from now on."""
        self.digests = keys.digests

    def accept(self, headers: Mapping[str, str | bytes]) -> bool:
        """Return whether a request has one of the keys.

        Args:
            headers: Its headers, or its gRPC metadata, by lower-case name.
        """
        scheme, _, key = _bytes(headers.get("authorization", b"")).partition(b" ")
        if scheme.lower() != b"bearer":
            key = _bytes(headers.get("x-api-key", b""))
        digest = _digest(key.strip())
        # All are compared in constant time, so that the time reveals nothing.
        return any([hmac.compare_digest(digest, known) for known in self.digests])


class ApiKeyMiddleware:
    """Answer 401 to requests without a key, before their body is read.

    Args:
        app: Answers the other requests, and those to the health URLs.
        keys: The accepted keys.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeys):
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer, headers = self.app, Headers(scope=scope)
        if scope["path"] not in _OPEN_PATHS and not self.keys.accept(headers):
            answer = error_response(_MESSAGE, 401, {"www-authenticate": "Bearer"})
        await answer(scope, receive, send)


class ApiKeyInterceptor(grpc.aio.ServerInterceptor):
    """Answer UNAUTHENTICATED to calls without a key, except for the health service.

    Args:
        keys: The accepted keys.
    """

    def __init__(self, keys: ApiKeys):
        self._keys = keys

    async def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        is_open = handler_call_details.method.startswith(_OPEN_METHODS)
        metadata = dict(handler_call_details.invocation_metadata or ())
        if is_open or self._keys.accept(metadata):
            return await continuation(handler_call_details)
        return refusal(grpc.StatusCode.UNAUTHENTICATED, _MESSAGE)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
