"""The command `keras-resattn`: its subcommands and how it shows errors."""

import importlib.metadata
import io
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from keras_resattn_cli.compare import compare
from keras_resattn_cli.convert import app as convert
from keras_resattn_cli.evaluate import evaluate
from keras_resattn_cli.explain import explain
from keras_resattn_cli.explore import explore
from keras_resattn_cli.export import export
from keras_resattn_cli.help import HelpCommand
from keras_resattn_cli.help import HelpGroup
from keras_resattn_cli.list_networks import list_networks
from keras_resattn_cli.masks import masks
from keras_resattn_cli.masks_influence import masks_influence
from keras_resattn_cli.package import package
from keras_resattn_cli.package import push
from keras_resattn_cli.predict import predict
from keras_resattn_cli.recipes import recipes
from keras_resattn_cli.report import report
from keras_resattn_cli.response import response
from keras_resattn_cli.serve import serve
from keras_resattn_cli.summary import summary
from keras_resattn_cli.tables import tables
from keras_resattn_cli.train import train

app = typer.Typer(
    name="keras-resattn",
    help="""Train, use and serve the Residual Attention Network, and see its masks.

    `train` makes a model folder. The other commands take it, or a .keras file, or
    the name of weights that are part of the package, such as cifar10:

    \b
      keras-resattn predict cifar10 photo.jpg
      keras-resattn masks cifar10 photo.jpg --out masks
      keras-resattn train demo --out runs/demo
      keras-resattn evaluate runs/demo
      keras-resattn predict runs/demo image.png
      keras-resattn explain runs/demo image.png --out shown
      keras-resattn explore runs/demo
      keras-resattn report runs/demo --out report.html
      keras-resattn export runs/demo served/demo/1
      keras-resattn serve served

    `list`, `summary` and `tables` show the networks. `package` makes a model folder
    of any model. `convert` makes Keras files
    from models of other programs.
    """,
    cls=HelpGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "masks": masks,
    "explain": explain,
    "explore": explore,
    "report": report,
    "compare": compare,
    "export": export,
    "serve": serve,
    "package": package,
    "push": push,
    "recipes": recipes,
    "masks-influence": masks_influence,
    "response": response,
    "list": list_networks,
    "summary": summary,
    "tables": tables,
}
for name, command in COMMANDS.items():
    app.command(name, cls=HelpCommand)(command)
app.add_typer(convert)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(importlib.metadata.version("keras-resattn"))
        raise typer.Exit()


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    if debug:
        os.environ["KERAS_RESATTN_DEBUG"] = "1"


def main() -> None:
    """Run the command; show an error as one line.

    The exit code is 2 if the command is used wrongly, and 1 for other errors.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # On processors without AVX512-VNNI TensorFlow leaves oneDNN's kernels off, although
    # they are faster there as well. Other builds ignore this.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    warnings.formatwarning = _one_line
    _print_every_name()
    try:
        app(prog_name="keras-resattn")
    except Exception as error:
        if os.environ.get("KERAS_RESATTN_DEBUG"):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(1)


def _print_every_name() -> None:
    r"""Print letters that standard output cannot have as codes, such as \udce9."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _one_line(message: Warning | str, *place: object, **line: object) -> str:
    """Return the text of a warning without the line of code that raised it."""
    return f"Warning: {' '.join(str(message).split())}\n"
