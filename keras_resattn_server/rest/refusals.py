"""Requests that are refused before anything of them is read."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from keras_resattn_server.errors import error_response

_CLOSE = {"connection": "close"}


class RefusalMiddleware:
    """Refuse other versions of HTTP, ambiguous lengths, and too many connections.

    Args:
        app: Answers the other requests.
        connections: Returns the number of connections.
        max_connections: The largest number of them.
    """

    def __init__(
        self, app: ASGIApp, connections: Callable[[], int], max_connections: int
    ):
        self.app = app
        self.connections = connections
        self.max_connections = max_connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = Headers(scope=scope).keys()
        version = scope["http_version"]
        answer = self.app
        if version not in ("1.0", "1.1"):
            message = f"The server has HTTP 1.0 and 1.1. Received: HTTP/{version}"
            answer = error_response(message, 505, _CLOSE)
        elif version == "1.0" and "transfer-encoding" in names:
            # RFC 9112, 6.1: such a request has a faulty length.
            message = "A request of HTTP 1.0 must not have Transfer-Encoding."
            answer = error_response(message, 400, _CLOSE)
        elif {"content-length", "transfer-encoding"} <= set(names):
            # A proxy in front may use the other one, and so see another request.
            message = (
                "A request must not have both Content-Length and Transfer-Encoding."
            )
            answer = error_response(message, 400, _CLOSE)
        elif self.connections() > self.max_connections:
            message = (
                f"The server has {self.max_connections} connections, the limit of "
                "--max-connections. Try again later."
            )
            answer = error_response(message, 503, _CLOSE)
        await answer(scope, receive, send)
