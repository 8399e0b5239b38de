"""Requests that are refused before anything of them is read."""

from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send


class RefusalMiddleware:
    """Refuse requests on too many connections, and those of an ambiguous length.

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
        names = {name for name, _ in scope.get("headers", ())}
        answer = self.app
        if {b"content-length", b"transfer-encoding"} <= names:
            # A proxy in front may use the other one, and so see another request.
            message = (
                "A request must not have both Content-Length and Transfer-Encoding."
            )
            answer = _refusal(message, 400)
        elif self.connections() > self.max_connections:
            message = (
                f"The server has {self.max_connections} connections, the limit of "
                "--max-connections. Try again later."
            )
            answer = _refusal(message, 503)
        await answer(scope, receive, send)


def _refusal(message: str, status: int) -> JSONResponse:
    headers = {"connection": "close"} | ({"retry-after": "1"} if status == 503 else {})
    return JSONResponse({"error": message}, status, headers)
