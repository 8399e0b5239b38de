"""The OpenAPI document as a page of HTML. It needs nothing from other hosts."""

import html
import json
from collections.abc import Mapping
from typing import Any

PATH = "/docs"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem }
pre { overflow: auto; background: #f4f4f4; color: #111; padding: .75rem }
code { font-weight: bold }
"""


def docs_page(document: Mapping[str, Any]) -> str:
    """Return a page that describes each operation of an OpenAPI document.

    Args:
        document: The result of `openapi_document`.

    Returns:
        The page. Its security policy forbids scripts and other hosts.
    """
    info = document["info"]
    title = html.escape(f"{info['title']} {info['version']}")
    operations = (
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><p>{html.escape(info['description'])} The same for "
        'programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(operations)}</body></html>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    answers = "".join(
        f"<li>{status}: {html.escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
        f"<p>{html.escape(operation['summary'])}</p>"
        f"{_schema('Request', operation.get('requestBody', {}))}"
        f"{_schema('Answer', operation['responses']['200'])}<ul>{answers}</ul>"
    )


def _schema(title: str, described: Mapping[str, Any]) -> str:
    contents = described.get("content", {}).items()
    return "".join(
        f"<details><summary>{title}: {media_type}</summary>"
        f"<pre>{html.escape(json.dumps(content['schema'], indent=2))}</pre></details>"
        for media_type, content in contents
        if content.get("schema")
    )
