"""The layout of `--help`: no name is cut, however narrow the terminal is."""

import itertools
import re
from typing import Any

import typer.core

# Longer names get a line of their own, with the text below.
NAMES_WIDTH = 22


class HelpCommand(typer.core.TyperCommand):
    """A command whose help lists options under the headings of their panels.

    Typer's own help with `rich_markup_mode` draws boxes and cuts long names.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options; Typer calls this."""
        shown = [
            (_heading(parameter), record)
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx)) is not None
        ]
        headings = list(dict.fromkeys(heading for heading, _ in shown))
        shown.sort(key=lambda pair: headings.index(pair[0]))
        for heading, pairs in itertools.groupby(shown, key=lambda pair: pair[0]):
            with formatter.section(heading):
                records = [(_plain(name), text) for _, (name, text) in pairs]
                formatter.write_dl(records, NAMES_WIDTH)


class HelpGroup(typer.core.TyperGroup):
    """A group of commands whose help shows the whole first sentence of each.

    Errors about choices of an option read like all others of the package.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Typer calls this."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _sentence(error.message)
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands; Typer calls this."""
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (command.name, command.get_short_help_str(limit=200))
                    for command in commands
                    if command is not None
                ]
            )


# What Typer writes for the type of an option, and words for it.
TYPES = {
    r"<(int|float)( range)?>": "NUMBER",
    "<str>": "TEXT",
    "<path>": "PATH",
}


def _plain(name: str) -> str:
    """Return the name of a parameter without Python's names of types."""
    if not name.startswith("-"):
        return re.sub(r" <[^<>]+>$", "", name)
    name = re.sub(r"<list\[(.+)\]>", r"<\1>", name)
    for given, word in TYPES.items():
        name = re.sub(given, word, name)
    return name


def _sentence(message: str) -> str:
    """Return Typer's text about a wrong value as one sentence of our form."""
    if not message:  # a missing option: Typer writes the sentence
        return message
    message = message.removeprefix("Value error, ")
    choice = re.fullmatch(r"('.*') is not one of (.*?)\.?", message)
    if choice:
        return f"choose one of {choice[2]}. Received: {choice[1]}"
    ended = message.endswith((".", "?")) or "Received: " in message
    return message if ended else f"{message}."


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or "Options"
