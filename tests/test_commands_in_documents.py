"""The commands in README and documents have only arguments and options that exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from keras_resattn_cli.main import app

# Typer has a copy of click; of its errors only this one's subclass is public.
UsageError = typer.BadParameter.__mro__[1]
ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELLS = ("", "bash", "console", "sh", "shell")
DOCUMENTS = [
    path.relative_to(ROOT)
    for path in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs" / "walks").glob("*.md")),
        ROOT / "cluster/README.md",
        ROOT / "serving/README.md",
    )
]


def commands(text):
    """Return the arguments of each `keras-resattn` command in the blocks of a page."""
    found = [body for language, body in BLOCK.findall(text) if language in SHELLS]
    blocks = "\n".join(found).replace("\\\n", " ")
    lines = (line.strip().removeprefix("$ ") for line in blocks.splitlines())
    return [
        shlex.split(re.split(r" [|>&] ?| \[", line)[0], comments=True)[1:]
        for line in lines
        if line.startswith("keras-resattn ")
    ]


def parse(arguments):
    """Raise a `UsageError` if a command does not accept the arguments."""
    command, arguments = typer.main.get_command(app), list(arguments)
    context = None
    while True:
        context = command.make_context(command.name, arguments, parent=context)
        if not isinstance(command, typer.core.TyperGroup):
            return
        _, command, arguments = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_command_is_accepted(document):
    for arguments in commands((ROOT / document).read_text(encoding="utf-8")):
        try:
            parse(arguments)
        except UsageError as error:
            if error.message.endswith("does not exist."):
                continue  # a file of the reader
            pytest.fail(f"keras-resattn {' '.join(arguments)}: {error.message}")


def test_the_readme_has_commands():
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"predict", "masks", "train", "export", "serve"} <= {
        line[0] for line in found
    }


def test_a_wrong_command_and_a_wrong_option_are_found():
    text = (
        "```\nkeras-resattn train demo --outt a  # comment\nkeras-resattn trian\n```\n"
    )
    found = commands(text)
    assert found == [["train", "demo", "--outt", "a"], ["trian"]]
    for arguments in found:
        with pytest.raises(UsageError):
            parse(arguments)
