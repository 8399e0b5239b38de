"""The examples of `:classify` and `:regress` requests: JSON -> `tf.train.Example`."""

import tensorflow as tf

from keras_resattn_server.wire.json_decode import array_from_json
from keras_resattn_server.wire.json_decode import is_base64_object
from keras_resattn_server.wire.json_decode import json_type
from keras_resattn_server.wire.json_encode import echo
from keras_resattn_server.wire.status import ServingError

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def read_examples(request: dict[str, object]) -> list[bytes]:
    """Return the examples of a request.

    Args:
        request: The parsed body, `{"examples": [{...}], "context": {...}}`.

    Returns:
        The serialised examples, each with the context's features.

    Raises:
        ServingError: If the request does not have that form.
    """
    context = b""
    if "context" in request:
        context = _example(request["context"])
    if "examples" not in request:
        raise ServingError(
            f"JSON Value: {echo(request)} When method is classify, key 'examples' is "
            "expected and was not found"
        )
    examples = request["examples"]
    if not isinstance(examples, list):
        raise ServingError(
            f"JSON Value: {echo(request)} Expecting 'examples' value to be an "
            "list/array"
        )
    if not examples:
        raise ServingError(
            f"JSON Value: {echo(request)} 'examples' value is an empty array"
        )
    return [context + _example(example) for example in examples]


def _example(value: object) -> bytes:
    if not isinstance(value, dict):
        raise ServingError(
            f"Example must be JSON object but got JSON {json_type(value)}"
        )
    features = {name: _feature(name, content) for name, content in value.items()}
    try:
        example = tf.train.Example(features=tf.train.Features(feature=features))
    except UnicodeEncodeError as error:  # in a name
        message = "JSON Parse error: The surrogate pair in string is invalid."
        raise ServingError(message) from error
    return bytes(example.SerializeToString())


def _feature(name: str, content: object) -> tf.train.Feature:
    feature = tf.train.Feature()
    for value in content if isinstance(content, list) else [content]:
        kind, element = _element(name, value)
        taken = feature.WhichOneof("kind")
        if taken not in (None, kind):
            raise ServingError(
                f"Unexpected element type in feature: {name} expecting type: "
                f"{_KINDS[taken]}"
            )
        getattr(feature, kind).value.append(element)
    return feature


def _element(name: str, value: object) -> tuple[str, bytes | int | float]:
    """Return the kind of list of a JSON value, and the value for that list."""
    if isinstance(value, str) or is_base64_object(value):
        return "bytes_list", array_from_json(value, "string").item()
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return "int64_list", int(value)
    if isinstance(value, int) and 0 <= value < 2**64:
        raise ServingError(
            f"Feature: {name} has uint64 element. Only int64 is supported."
        )
    if isinstance(value, int | float):
        return "float_list", float(array_from_json(value, "float32"))
    raise ServingError(
        f"Feature: {name} has element with unexpected JSON type: {json_type(value)}"
    )
