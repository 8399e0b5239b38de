"""The messages in docs/troubleshooting.md are those of the code."""

import ast
import re
from pathlib import Path

import keras
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
# The message, and in brackets the program that prints it if it is not this package.
ROW = re.compile(r"^\| `([^`]+)`(?: \(([^)]+)\))? \|", re.MULTILINE)


def messages(program):
    """Return the quoted messages of a program; "" is this package."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    return [message for message, printed_by in rows if printed_by == program]


def texts(path):
    """Return the strings of a module; values within them are written as "…"."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        if isinstance(node, ast.JoinedStr):
            parts = (getattr(part, "value", None) for part in node.values)
            found.append("".join(p if isinstance(p, str) else "…" for p in parts))
    return found


@pytest.fixture(scope="module")
def code():
    files = ROOT.glob("keras_resattn*/**/*.py")
    return "\n".join(text for path in files for text in texts(path))


def test_every_message_is_in_the_code(code):
    quoted = messages("")
    assert len(quoted) > 30
    assert [text for text in quoted if text not in code] == []


def test_a_message_that_no_code_prints_is_found(code):
    assert "There is no such recipe." in code
    assert "There is no such thing as this recipe." not in code


def test_the_messages_of_keras_and_tensorflow_are_theirs():
    library = Path(keras.__file__).parent / "src" / "saving" / "serialization_lib.py"
    (from_keras,) = messages("Keras")
    assert from_keras in "\n".join(texts(library))
    (from_tensorflow,) = messages("TensorFlow")
    assert hasattr(tf.errors, from_tensorflow)


def test_every_row_of_a_table_is_read():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line[:1] == "|"]
    headers = sum(row.startswith(("| message", "|---")) for row in rows)
    assert len(ROW.findall(PAGE.read_text("utf-8"))) == len(rows) - headers
