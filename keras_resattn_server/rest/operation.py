"""The URLs for operators: health, metrics, the OpenAPI document and its page."""

import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.responses import JSONResponse
from starlette.responses import PlainTextResponse
from starlette.responses import Response
from starlette.routing import Route

from keras_resattn_server.models.registry import ServableRegistry
from keras_resattn_server.options import ServerOptions
from keras_resattn_server.requests.gate import Gate
from keras_resattn_server.rest import openapi
from keras_resattn_server.rest.docs_page import PATH
from keras_resattn_server.rest.docs_page import docs_page
from keras_resattn_server.running.metrics import CONTENT_TYPE
from keras_resattn_server.running.metrics import METRICS_PATH
from keras_resattn_server.running.metrics import read_metrics_path
from keras_resattn_server.wire.status import ServingError


def operation_routes(
    registry: ServableRegistry, gate: Gate, options: ServerOptions
) -> list[Route]:
    """Return the routes of health, metrics, the OpenAPI document and its page.

    Args:
        registry: The models.
        gate: Has the metrics, and whether the server is ready.
        options: The settings of the metrics' path and of API keys.

    Returns:
        The routes.

    Raises:
        FileNotFoundError: If the monitoring config file does not exist.
        ValueError: If it is not valid.
    """

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        reason = gate.why_not_ready()
        return PlainTextResponse(reason or "ok", 503 if reason else 200)

    async def metrics(request: Request) -> Response:
        return Response(gate.metrics.text(), media_type=CONTENT_TYPE)

    def document() -> dict[str, Any]:
        models = []
        for name, versions in sorted(registry.available().items()):
            for version in versions:
                with contextlib.suppress(ServingError):  # just unloaded
                    models.append(registry.get(name, version).metadata())
        has_api_keys = options.api_key_file is not None
        return openapi.openapi_document(models, has_api_keys)

    async def describe(request: Request) -> Response:
        return JSONResponse(document())

    async def docs(request: Request) -> Response:
        policy = {
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"
        }
        return HTMLResponse(docs_page(document()), headers=policy)

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route(openapi.PATH, describe),
        Route(PATH, docs),
    ]
    metrics_path: str | None = METRICS_PATH
    if options.monitoring_config_file is not None:
        metrics_path = read_metrics_path(options.monitoring_config_file)
    if metrics_path is not None:
        routes.append(Route(metrics_path, metrics))
    return routes
