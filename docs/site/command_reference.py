"""Generate the reference of recipe settings and of commands."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer
from examples import fenced

from keras_resattn.recipes.settings import Recipe
from keras_resattn.recipes.settings import Settings
from keras_resattn_cli.main import app

BOUNDS = {
    "exclusiveMinimum": "above {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "below {}",
    "maximum": "at most {}",
}


# === Recipe settings ===


def sections(model: type[Settings] = Recipe) -> Iterator[tuple[str, type[Settings]]]:
    """Yield the sections of a recipe and their models, beginning with the top level."""
    yield "", model
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if inspect.isclass(kind) and issubclass(kind, Settings):
                for below, section in sections(kind):
                    yield f"{name}.{below}".removesuffix("."), section


def settings() -> dict[str, tuple[str, str]]:
    """Return range and default of each setting by its name, such as `train.epochs`."""
    found = {}
    for section, model in sections():
        schema = model.model_json_schema()
        for name, field in model.model_fields.items():
            values = describe(schema["properties"][name], schema.get("$defs", {}))
            default = "required" if field.is_required() else default_of(field.default)
            found[f"{section}.{name}".removeprefix(".")] = (values, default)
    return found


def default_of(value: object) -> str:
    """Return a default as in YAML."""
    if isinstance(value, Settings):
        return "see below"
    words = {None: "null", True: "true", False: "false", (): "[]"}
    if isinstance(value, tuple):
        value = list(value)
    is_word = value is None or isinstance(value, bool)
    return f"`{words[value] if is_word else value}`"


def describe(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    """Return the values that a JSON schema permits, in words."""
    if "anyOf" in schema:
        return " or ".join(describe(option, defs) for option in schema["anyOf"])
    if "$ref" in schema:
        return f"the settings of `{schema['$ref'].rpartition('/')[2]}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "prefixItems" in schema:
        return f"a list: {', '.join(describe(s, defs) for s in schema['prefixItems'])}"
    if "items" in schema:
        return f"a list, each {describe(schema['items'], defs)}"
    if schema.get("type") == "object":
        return "a mapping"
    bounds = [BOUNDS[key].format(f"{schema[key]:g}") for key in BOUNDS if key in schema]
    return " ".join([schema.get("type", "any value"), " and ".join(bounds)]).strip()


def settings_page() -> str:
    """Return the page of the recipe settings."""
    ranges = settings()
    lines = ["# Recipe settings", ""]
    lines += ["How to write a recipe: [Recipes](../docs/recipes.md).", ""]
    for section, model in sections():
        lines += [
            f"## {section or 'Top level'}",
            "",
            fenced(inspect.getdoc(model) or ""),
            "",
        ]
        lines += ["| setting | values | default |", "|---|---|---|"]
        for name in model.model_fields:
            key = f"{section}.{name}".removeprefix(".")
            values, default = ranges[key]
            lines.append(f"| `{key}` | {values} | {default} |")
        lines.append("")
    return "\n".join(lines)


# === Commands ===


def commands() -> dict[str, Any]:
    """Return each command by its full name, such as `convert caffe`."""
    return dict(_commands(typer.main.get_command(app), ""))


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for below, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{name} {below}".strip())


def parameters(command: Any) -> list[tuple[str, str]]:
    """Return names and help of the arguments and options of a command."""
    context = typer.Context(command)
    records = (item.get_help_record(context) for item in command.get_params(context))
    return [record for record in records if record is not None]


def commands_page() -> str:
    """Return the page of the commands."""
    lines = ["# Commands", ""]
    for name, command in commands().items():
        title = f"keras-resattn {name}".strip()
        lines += [f"## {title}", "", *_help(command.help or ""), ""]
        lines += ["| argument or option | meaning |", "|---|---|"]
        for names, text in parameters(command):
            lines.append(f"| `{_cell(names)}` | {_cell(text)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _help(text: str) -> Iterator[str]:
    """Yield the lines of a help text; what `\\b` marks keeps its line breaks."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        is_code = paragraph.startswith("\b")
        yield from ("```", paragraph.strip("\b\n"), "```") if is_code else (paragraph,)
        yield ""
