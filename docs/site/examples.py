"""Show the examples in docstrings as code: an extension of griffe, for mkdocstrings."""

import re
from typing import Any

try:
    from griffe import Extension
except ImportError:  # a test reads the pages without it
    Extension = object

# Lines that begin with a prompt, and the output below them.
EXAMPLE = re.compile(r"^([ ]*)>>> .*\n?(?:\1\S.*\n?)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Return a text whose examples are fenced code blocks.

    Keras' docstrings have examples without a fence. Markdown would read their prompts
    as quotations.
    """
    return EXAMPLE.sub(
        lambda match: f"{match[1]}```pycon\n{match[0].rstrip()}\n{match[1]}```\n",
        text,
    )


class Examples(Extension):
    """Fence the examples in each docstring that mkdocstrings reads."""

    def on_object(self, *, obj: Any, **options: Any) -> None:
        """Change a docstring before it is parsed; griffe calls this."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
