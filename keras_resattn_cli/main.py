"""The command `keras-resattn`: its subcommands and how errors are shown."""

import importlib.metadata
import os
import sys
from typing import Annotated

import typer

from keras_resattn_cli.convert import app as convert
from keras_resattn_cli.evaluate import evaluate
from keras_resattn_cli.explain import explain
from keras_resattn_cli.explore import explore
from keras_resattn_cli.export import export
from keras_resattn_cli.list_networks import list_networks
from keras_resattn_cli.masks import masks
from keras_resattn_cli.masks_influence import masks_influence
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
    help="""The Residual Attention Network: train it, use it, serve it, see its masks.

    A run leaves a [bold]model folder[/bold]; every other command takes one:

      keras-resattn train demo --out runs/demo
      keras-resattn evaluate runs/demo
      keras-resattn predict runs/demo image.png
      keras-resattn explain runs/demo image.png --out explained
      keras-resattn explore runs/demo
      keras-resattn report runs/demo --out report.html
      keras-resattn export runs/demo served/demo/1
      keras-resattn serve served

    The networks: [bold]keras-resattn list[/bold], summary, tables. Models of
    other programs become Keras files: [bold]keras-resattn convert[/bold].
    """,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, evaluate, predict, masks, explain, explore, report):
    app.command()(command)
for command in (export, serve, recipes):
    app.command()(command)
app.command()(masks_influence)
app.command()(response)
app.command("list")(list_networks)
app.command()(summary)
app.command()(tables)
app.add_typer(convert)


def _show_version(wanted: bool):
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
):
    if debug:
        os.environ["KERAS_RESATTN_DEBUG"] = "1"


def main():
    """Run the command; an error becomes one line and an exit code of 1 or 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # On processors without AVX512-VNNI TensorFlow leaves oneDNN's kernels off, though
    # they are the faster ones there, too. Other builds take no notice.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        app(prog_name="keras-resattn")
    except Exception as error:
        if os.environ.get("KERAS_RESATTN_DEBUG"):
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(2 if isinstance(error, FileNotFoundError) else 1)
