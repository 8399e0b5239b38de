"""The Python examples of the Markdown pages, for the tests that run them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def python_examples(page):
    """Return the source of each Python block of a page in docs/."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
