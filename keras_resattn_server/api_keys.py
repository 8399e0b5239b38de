"""API keys: who may ask the server."""

import hashlib
import hmac
import json
import os
import stat
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import grpc
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

_MESSAGE = (
    "Send an API key of this server: `Authorization: Bearer KEY` or `x-api-key: KEY`."
)
_OPEN_PATHS = ("/healthz", "/readyz")
_OPEN_METHODS = "/grpc.health.v1.Health/"


class ApiKeys:
    """The keys of which a request has to have one. Only their hashes are kept.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[str]):
        self._digests = [_digest(key.encode()) for key in keys]

    @classmethod
    def read(cls, path: str | Path) -> "ApiKeys":
        """Reads a file of keys, one a line; empty lines do not count.

        Example:

        >>> keys = ApiKeys.read("keys.txt")
        >>> keys.accept({"authorization": "Bearer 5f2c..."})
        True

        Args:
            path: The file, which must not be readable by every user.

        Returns:
            The keys.

        Raises:
            FileNotFoundError: There is no such file.
            PermissionError: Every user of the machine can read it.
            ValueError: It holds no key, or one that no header can.
        """
        path = Path(path)
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
                raise PermissionError(
                    "Every user of this machine can read the API keys; take that"
                    f" right away: chmod o-r {path}. Received: {path}"
                )
            lines = [line.strip() for line in file]
        keys = [line for line in lines if line]
        if not keys:
            raise ValueError(
                "The file has no API key; write one a line, made for example by"
                f" `openssl rand -hex 32`. Received: {path}"
            )
        for number, line in enumerate(lines, 1):
            if not (line.isascii() and line.isprintable()) or " " in line:
                raise ValueError(
                    "An API key has printable ASCII characters and no spaces, or no"
                    f" header could carry it. Received: line {number} of {path}"
                )
        return cls(keys)

    def accept(self, headers: dict[str, str | bytes]) -> bool:
        """Tells whether a request has one of the keys.

        Args:
            headers: Its headers, or gRPC's metadata, by lower-case name.
        """
        scheme, _, key = _bytes(headers.get("authorization", b"")).partition(b" ")
        if scheme.lower() != b"bearer":
            key = _bytes(headers.get("x-api-key", b""))
        digest = _digest(key.strip())
        # All are compared, in constant time: how long it takes tells nothing.
        return any([hmac.compare_digest(digest, known) for known in self._digests])


class ApiKeyMiddleware:
    """Answers 401 to requests without a key, before anything of them is read.

    Args:
        app: Answers the others, and those of the health URLs.
        keys: The keys.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeys):
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): value for name, value in scope.get("headers", ())
        }
        is_open = scope["type"] == "lifespan" or scope["path"] in _OPEN_PATHS
        if is_open or self.keys.accept(headers):
            await self.app(scope, receive, send)
            return
        start = {
            "type": "http.response.start",
            "status": 401,
            "headers": [
                (b"content-type", b"application/json"),
                (b"www-authenticate", b"Bearer"),
            ],
        }
        await send(start)
        body = json.dumps({"error": _MESSAGE}).encode()
        await send({"type": "http.response.body", "body": body})


class ApiKeyInterceptor(grpc.aio.ServerInterceptor):
    """Answers UNAUTHENTICATED to calls without a key, but for the health service.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: ApiKeys):
        self._keys = keys

    async def intercept_service(
        self,
        continuation: Callable[..., Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        is_open = handler_call_details.method.startswith(_OPEN_METHODS)
        metadata = dict(handler_call_details.invocation_metadata or ())
        if is_open or self._keys.accept(metadata):
            return await continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


async def _refuse(request: object, context: grpc.aio.ServicerContext) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, _MESSAGE)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
