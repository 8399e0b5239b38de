"""Request bodies -> Python values, by the rules and messages of the contract.

The standard library's decoder does the work. Only what it refuses goes to
`_StrictParser`, which knows the few further spellings that the contract accepts
(`Inf`) and says what is wrong, and at which byte, in the contract's words.
"""

import json
import math
import re

from keras_resattn_server.wire.status import ServingError

MAX_DEPTH = 256

_BOM = "\ufeff"
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*("?)', re.DOTALL)
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_CONSTANT = re.compile(r"-?(?:NaN|Inf(?:inity)?)")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_LITERALS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


def parse_json(body: bytes) -> object:
    """Parses a request body.

    The first of duplicate keys wins; a byte order mark, bytes after the value and
    `NaN`, `Infinity`, `Inf` (also negative) are accepted. Bytes that are not UTF-8
    are kept as surrogate escapes.

    Args:
        body: The bytes received.

    Returns:
        The value.

    Raises:
        ServingError: INVALID_ARGUMENT, with what is wrong and at which byte.
    """
    if not body:
        raise ServingError("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix(_BOM)
    try:
        return _DECODER.raw_decode(text, _SPACE.match(text).end())[0]
    except RecursionError as error:
        raise _nesting_error() from error
    except ValueError:
        return _StrictParser(body).document()


def _first_wins(pairs: list) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        members = {}
        for key, value in pairs:
            members.setdefault(key, value)
    return members


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_first_wins, parse_float=_finite)


def _nesting_error() -> ServingError:
    return ServingError("JSON Parse error: Arrays or objects are nested too deeply.")


class _StrictParser:
    def __init__(self, body: bytes):
        self.text = body.decode("latin-1")  # one character a byte: offsets are bytes
        self.at = 3 if body.startswith(_BOM.encode()) else 0

    def document(self) -> object:
        if not self.peek():
            raise self.error("The document is empty.")
        return self.value(0)

    def error(self, message: str, at: int | None = None) -> ServingError:
        at = self.at if at is None else at
        return ServingError(f"JSON Parse error: {message} at offset: {at}")

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        self.at = _SPACE.match(self.text, self.at).end()
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        found = self.peek() == character
        self.at += found
        return found

    def value(self, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise _nesting_error()
        first = self.peek()
        if first == "{":
            return self.members(depth)
        if first == "[":
            return self.elements(depth)
        if first == '"':
            return self.string()
        if first in _LITERALS:
            return self.literal(*_LITERALS[first])
        return self.number()

    def members(self, depth: int) -> dict:
        self.at += 1
        pairs = []
        if self.take("}"):
            return {}
        while True:
            if self.peek() != '"':
                raise self.error("Missing a name for object member.")
            name = self.string()
            if not self.take(":"):
                raise self.error("Missing a colon after a name of object member.")
            pairs.append((name, self.value(depth + 1)))
            if self.take("}"):
                return _first_wins(pairs)
            if not self.take(","):
                raise self.error("Missing a comma or } after an object member.")

    def elements(self, depth: int) -> list:
        self.at += 1
        values = []
        if self.take("]"):
            return values
        while True:
            values.append(self.value(depth + 1))
            if self.take("]"):
                return values
            if not self.take(","):
                raise self.error("Missing a comma or ] after an array element.")

    def literal(self, word: str, value: object) -> object:
        for character in word:
            if self.text[self.at : self.at + 1] != character:
                raise self.error("Invalid value.")
            self.at += 1
        return value

    def number(self) -> int | float:
        constant = _CONSTANT.match(self.text, self.at)
        if constant:
            self.at = constant.end()
            return float(constant.group())
        match = _NUMBER.match(self.text, self.at)
        if not match:
            self.at += self.text.startswith("-", self.at)
            raise self.error("Invalid value.")
        start, self.at = self.at, match.end()
        whole, fraction, exponent = match.groups()
        if fraction == ".":
            raise self.error("Miss fraction part in number.", match.end(2))
        if exponent and not exponent[-1].isdigit():
            raise self.error("Miss exponent in number.")
        if math.isinf(float(match.group())):
            raise self.error("Number too big to be stored in double.", start)
        return float(match.group()) if fraction or exponent else int(whole)

    def string(self) -> str:
        match = _STRING.match(self.text, self.at)
        self.check_escapes(match.group())
        if not match.group(1):
            raise self.unfinished_string(match.end())
        self.at = match.end()
        return json.loads(
            match.group().encode("latin-1").decode("utf-8", "surrogateescape")
        )

    def check_escapes(self, raw: str) -> None:
        at = raw.find("\\")
        while at >= 0:
            escape = _ESCAPE.match(raw, at)
            if not escape and raw.startswith("\\u", at):
                message = "Incorrect hex digit after \\u escape in string."
                raise self.error(message, self.at + at)
            if not escape:
                message = "Invalid escape character in string."
                raise self.error(message, self.at + at)
            at = raw.find("\\", escape.end())

    def unfinished_string(self, at: int) -> ServingError:
        stop = self.text[at : at + 1]
        if stop == "\\":
            return self.error("Invalid escape character in string.", at)
        if stop and stop != "\x00":
            return self.error("Invalid encoding in string.", at)
        return self.error("Missing a closing quotation mark in string.", at)
