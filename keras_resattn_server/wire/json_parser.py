"""Request bodies -> Python values, by the rules of TensorFlow Serving.

The parser is the standard library's. Its errors are reworded as TensorFlow Serving
words them, with the position in bytes.
"""

import json
import math
import re

from keras_resattn_server.wire.status import ServingError

_BOM = "\ufeff"
_SPACE = " \t\n\r"
# Possessive (*+): a string takes no memory for each of its characters.
_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?Inf(?:inity)?\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?',
    re.DOTALL,
)
_TOO_BIG = "Number too big to be stored in double."
_MESSAGES = {
    "Expecting property name enclosed in double quotes": (
        "Missing a name for object member."
    ),
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting ',' delimiter": "Missing a comma or a closing bracket after a value.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}


def parse_json(body: bytes) -> object:
    """Parse a request body.

    The first of duplicate keys wins. A byte order mark, bytes after the value, and
    `NaN`, `Infinity` and `Inf` (also negative) are accepted. Bytes that are not UTF-8
    are kept as surrogate escapes.

    Args:
        body: The bytes received.

    Returns:
        The value.

    Raises:
        ServingError: INVALID_ARGUMENT, with the reason and its position in bytes.
    """
    if not body:
        raise ServingError("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix(_BOM)
    try:
        return _parse(text)
    except RecursionError as error:
        message = "JSON Parse error: Arrays or objects are nested too deeply."
        raise ServingError(message) from error
    except json.JSONDecodeError as error:
        message, position = _MESSAGES.get(error.msg, "Invalid value."), error.pos
        if not text.strip(_SPACE):
            message = "The document is empty."
    except (OverflowError, ValueError):  # Python refuses to convert 5,000 digits.
        message, position = _TOO_BIG, _position_of_too_big(text)
    bom = len(body) - len(text.encode("utf-8", "surrogateescape"))
    offset = bom + len(text[:position].encode("utf-8", "surrogateescape"))
    raise ServingError(f"JSON Parse error: {message} at offset: {offset}")


def _parse(text: str) -> object:
    start = len(text) - len(text.lstrip(_SPACE))
    try:
        return _DECODER.raw_decode(text, start)[0]
    except json.JSONDecodeError as error:
        if not re.match("-?Inf", text[error.pos :]):
            raise
        spelled = _TOKEN.sub(_spell_out_infinity, text)
        try:
            return _DECODER.raw_decode(spelled, start)[0]
        except json.JSONDecodeError:
            raise error from None


def _spell_out_infinity(token: re.Match[str]) -> str:
    return f"{token[0]}inity" if token[0] in ("Inf", "-Inf") else token[0]


def _position_of_too_big(text: str) -> int:
    numbers = (token for token in _TOKEN.finditer(text) if token[0][-1].isdigit())
    return next((one.start() for one in numbers if math.isinf(float(one[0]))), 0)


def _first_wins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else members | dict(reversed(pairs))


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise OverflowError(text)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_first_wins, parse_float=_finite)
