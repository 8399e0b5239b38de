"""The REST interface of the served models as an OpenAPI document."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias
from urllib.parse import quote

from keras_resattn_server.version import __version__

Schema: TypeAlias = dict[str, Any]

PATH = "/openapi.json"

# A signature with these outputs supports the verb.
_EXAMPLE_OUTPUTS = {"classify": {"classes", "scores"}, "regress": {"outputs"}}
_EXAMPLE_INPUTS = {"inputs"}
_DEFAULT_SIGNATURE = "serving_default"

_BASE64: Schema = {
    "type": "object",
    "description": "Bytes, as base64.",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}
_STRING: Schema = {"anyOf": [{"type": "string"}, _BASE64]}
_NUMBER: Schema = {
    "type": "number",
    "description": "NaN, Infinity and -Infinity are bare words, unlike in JSON.",
}
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT32", "UINT64")
# The types of request tensors. Answers may have others, which are all numbers.
_ELEMENTS = {
    "DT_STRING": _STRING,
    "DT_BOOL": {"type": "boolean"},
    "DT_FLOAT": _NUMBER,
    "DT_DOUBLE": _NUMBER,
    **{f"DT_{name}": {"type": "integer"} for name in _INTEGERS},
}

_FILE: Schema = {"type": "string", "format": "binary"}
_FILE_TYPES = ("image/jpeg", "image/png")
_FORM = "multipart/form-data"

_ERRORS = {
    "400": "The request is malformed, does not fit the signature, or fails",
    "404": "There is no such model or version",
    "408": "The request did not arrive in time",
    "431": "The URL and the headers are too long",
    "503": "The server is full, loads its models, or is shutting down",
}
_INFERENCE_ERRORS = {
    **_ERRORS,
    "413": "The request's body is too large",
    "415": "The body is compressed in another way than gzip or deflate",
    "429": "The server is full",
    "500": "Internal error",
    "501": "The model has an operation that is not implemented",
    "504": "The request was not answered in time",
}
_UNAUTHENTICATED = "An API key is missing or wrong"
_RETRIED = ("429", "503")
_RETRY_AFTER: Schema = {
    "description": "Seconds until the request should be sent again.",
    "schema": {"type": "integer"},
}
_CONTENT_ENCODING: Schema = {
    "name": "Content-Encoding",
    "in": "header",
    "description": "How the body is compressed, if it is.",
    "schema": {"enum": ["gzip", "deflate"]},
}


def openapi_document(
    models: Iterable[Mapping[str, Any]], has_api_keys: bool = False
) -> Schema:
    """Return the REST interface as an OpenAPI 3.1 document.

    Example:

    >>> document = openapi_document([servable.metadata()])
    >>> list(document["paths"])[0]
    '/v1/models/clf:predict'

    Args:
        models: The answer to `GET /v1/models/NAME/versions/N/metadata` per served
            version, with the default version of each model first.
        has_api_keys: Whether requests need an API key.

    Returns:
        The document, as values that JSON can represent.
    """
    paths: Schema = {}
    for metadata in models:
        spec = metadata["model_spec"]
        name = spec["name"]
        base = f"/v1/models/{quote(name)}"
        bases = [f"{base}/versions/{spec['version']}"]
        if base not in paths:
            bases.insert(0, base)
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        for base in bases:
            paths |= _model_paths(base, name, signatures)
    paths |= {
        "/v1/models": {"get": _operation("The models, their versions and states")},
        "/healthz": {"get": _plain("Whether the process answers")},
        "/readyz": {"get": _plain("Whether every model is loaded", "503")},
    }
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "keras_resattn model server",
            "description": "TensorFlow Serving's REST interface.",
            "version": __version__,
        },
        "paths": paths,
        "components": {"schemas": {"Error": _object({"error": {"type": "string"}})}},
    }
    if has_api_keys:
        _secure(document)
    return document


def _model_paths(base: str, name: str, signatures: Mapping[str, Any]) -> Schema:
    askable = {
        key: signature
        for key, signature in signatures.items()
        if signature["inputs"]  # without inputs it loads the model
        and all(info["dtype"] in _ELEMENTS for info in signature["inputs"].values())
    }
    paths = {
        f"{base}:predict": {
            "post": _operation(
                f"Run a signature of {name}",
                _predict_bodies(askable),
                {"anyOf": [_answer(askable[key]) for key in sorted(askable)]},
            )
        },
        base: {"get": _operation(f"The versions of {name} and their states")},
        f"{base}/metadata": {"get": _operation(f"The signatures of {name}")},
    }
    for verb, outputs in _EXAMPLE_OUTPUTS.items():
        if any(
            set(signature["inputs"]) == _EXAMPLE_INPUTS
            and set(signature["outputs"]) <= outputs
            for signature in askable.values()
        ):
            summary = f"{verb.title()} examples by {name}"
            operation = _operation(summary, _json(_EXAMPLES))
            paths[f"{base}:{verb}"] = {"post": operation}
    return paths


def _predict_bodies(signatures: Mapping[str, Any]) -> Schema:
    """Describe the bodies of a predict request by their types."""
    bodies = _json({"anyOf": [_predict(*item) for item in sorted(signatures.items())]})
    names = [
        name
        for name, signature in sorted(signatures.items())
        if [info["dtype"] for info in signature["inputs"].values()] == ["DT_STRING"]
    ]
    if names:
        files = {"type": "array", "items": _FILE, "minItems": 1}
        form = _object({"image": files, "signature_name": {"enum": names}})
        bodies[_FORM] = {"schema": form}
        if _DEFAULT_SIGNATURE in names:
            form["required"] = ["image"]
            bodies |= {file_type: {"schema": _FILE} for file_type in _FILE_TYPES}
    return bodies


def _predict(name: str, signature: Mapping[str, Any]) -> Schema:
    """Describe a request in rows or in columns."""
    rows = {key: _tensor(info, rows=1) for key, info in signature["inputs"].items()}
    columns = {key: _tensor(info) for key, info in signature["inputs"].items()}
    row, column = _object(rows), _object(columns)
    if len(rows) == 1:
        (key,) = rows
        row, column = {"anyOf": [rows[key], row]}, {"anyOf": [columns[key], column]}
    instances = {"type": "array", "items": row, "minItems": 1}
    chosen = {"signature_name": {"const": name}}
    required = [] if name == _DEFAULT_SIGNATURE else ["signature_name"]
    return {
        "title": name,
        "anyOf": [
            {
                "type": "object",
                "properties": {**chosen, form: schema},
                "required": [*required, form],
                "additionalProperties": False,
            }
            for form, schema in (("instances", instances), ("inputs", column))
        ],
    }


def _answer(signature: Mapping[str, Any]) -> Schema:
    outputs = signature["outputs"]
    rows = {key: _tensor(info, rows=1) for key, info in outputs.items()}
    columns = {key: _tensor(info) for key, info in outputs.items()}
    row, column = _object(rows), _object(columns)
    if len(rows) == 1:
        ((row,), (column,)) = rows.values(), columns.values()
    return {
        "anyOf": [
            _object({"predictions": {"type": "array", "items": row}}),
            _object({"outputs": column}),
        ]
    }


def _tensor(info: Mapping[str, Any], rows: int = 0) -> Schema:
    """Describe a tensor as nested lists, without its first `rows` dimensions."""
    schema: Schema = _ELEMENTS.get(info["dtype"], _NUMBER)
    shape = info["tensor_shape"]
    if shape["unknown_rank"]:
        return {}
    for dimension in reversed(shape["dim"][rows:]):
        schema, size = {"type": "array", "items": schema}, int(dimension["size"])
        if size >= 0:
            schema |= {"minItems": size, "maxItems": size}
    return schema


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": Schema(properties),
        "required": sorted(properties),
    }


_FEATURE: Schema = {"anyOf": [_STRING, _NUMBER, {"type": "array", "items": _STRING}]}
_EXAMPLES = _object(
    {
        "examples": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "additionalProperties": _FEATURE},
        }
    }
)


def _operation(
    summary: str, bodies: Schema | None = None, answer: Schema | None = None
) -> Schema:
    errors = _INFERENCE_ERRORS if bodies else _ERRORS
    operation: Schema = {
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": _json(answer or {})},
            **{status: _error(status, text) for status, text in errors.items()},
        },
    }
    if bodies:
        operation["parameters"] = [_CONTENT_ENCODING]
        operation["requestBody"] = {"required": True, "content": bodies}
    return operation


def _plain(summary: str, *statuses: str) -> Schema:
    return {
        "summary": summary,
        "responses": {
            status: {"description": summary, "content": {"text/plain": {}}}
            for status in ("200", *statuses)
        },
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _error(status: str, description: str) -> Schema:
    schema = {"$ref": "#/components/schemas/Error"}
    headers = {"headers": {"Retry-After": _RETRY_AFTER}} if status in _RETRIED else {}
    return {"description": description, "content": _json(schema), **headers}


def _secure(document: Schema) -> None:
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["security"] = [{"bearer": []}, {"key": []}]
                operation["responses"]["401"] = _error("401", _UNAUTHENTICATED)
