"""How the code and its texts are written, as far as it can be checked exactly."""

import ast
import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "keras_resattn",
    "keras_resattn_cli",
    "keras_resattn_client",
    "keras_resattn_server",
    "benchmarks",
    "cluster",
    "scripts",
    "serving",
)


def files():
    """Return the modules of the folders that are written by hand."""
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not path.stem.endswith("_pb2"))


def offenders(find):
    """Return `file:line: text` of what a function finds in the files.

    Args:
        find: A function from code to pairs of line and text.
    """
    return [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in files()
        for line, text in find(path.read_text("utf-8"))
    ]


# === Long strings break after the space ===

# Python 3.12 and later divide an f-string into tokens.
F_START = getattr(tokenize, "FSTRING_START", None)
F_END = getattr(tokenize, "FSTRING_END", None)
BETWEEN = (tokenize.NL, tokenize.COMMENT)
OPENING = re.compile(r"[a-zA-Z]*(\"\"\"|'''|\"|')")


def leading_spaces(code):
    """Return line and text of the string fragments that begin with a space.

    A fragment after a line break may: its spaces are an indentation.
    """
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    tokens = [token for token in tokens if token.type not in BETWEEN]
    found = []
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before.type not in (tokenize.STRING, F_END):
            continue
        if before.string.rstrip("\"'").endswith("\\n"):
            continue
        text = ""
        if token.type == tokenize.STRING:
            text = token.string[OPENING.match(token.string).end() :]
        elif token.type == F_START:
            text = after.string
        if text.startswith(" "):
            found.append((token.start[0], token.line.strip()))
    return found


def test_a_leading_space_is_found():
    code = """a = (
    "one"
    f" {two}"
    "three"
)
b = f"{a}" " four"
c = "five: \\n" " six", " seven"
"""
    assert [line for line, _ in leading_spaces(code)] == [3, 6]


def test_long_strings_break_after_the_space():
    assert offenders(leading_spaces) == []


# === Docstrings and help texts ===

RATE = "(?:image|request|step|line|second|byte|value|folder|number|file|operation)s?"
EACH = "(?:second|minute|hour|batch|image|step|epoch|device|line|class|channel|request)"
HABITS = {
    r"\bshall\b": "must, should",
    r"\b(?:is|are) to be\b": "must be",
    r"\btoo[.;:]": "also",
    r"(?<!one )(?<!thing )\belse[.;:]": "Otherwise, ... (at the beginning)",
    r"(?<!until )(?<!since )(?<!by )\bthen[.;:]": "the time or the condition",
    r"\b(?:and|or) else\b": "Otherwise, ...",
    r"\banew\b": "again",
    rf"\b{RATE} an? {EACH}\b": "per",
}


def habits(code):
    """Return line and text of docstrings and help texts that break a rule."""
    return [
        (line, f"`{match.group()}`: write {better}")
        for line, text in texts(ast.parse(code))
        for habit, better in HABITS.items()
        if (match := re.search(habit, " ".join(text.split())))
    ]


def texts(tree):
    """Yield line and text of each docstring and each help text."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            yield node.body[0].lineno, ast.get_docstring(node)
        if isinstance(node, ast.keyword) and node.arg == "help":
            yield node.value.lineno, ast.unparse(node.value)


def test_habits_are_found():
    code = '''"""It shall run."""
def f():
    """Return images a second."""
option(help="Use it for someone else, " "too.")
'''
    assert [line for line, _ in habits(code)] == [1, 3, 4]


def test_texts_are_plain():
    assert offenders(habits) == []
