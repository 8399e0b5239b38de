"""`keras-resattn convert`: one command for each program whose models it reads."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.help import HelpCommand
from keras_resattn_cli.help import HelpGroup
from keras_resattn_cli.start import import_keras

if TYPE_CHECKING:
    import keras

app = typer.Typer(
    name="convert",
    help="Convert a model of another program to Keras.",
    cls=HelpGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
)

OutArgument = Annotated[
    Path, typer.Argument(metavar="OUT.keras", help="The Keras file to write.")
]


class BNStatistic(StrEnum):
    """The content of the last blob of a Caffe model's batch normalizations."""

    INVERSE_STD = "inverse-std"
    VARIANCE = "variance"


@app.command(cls=HelpCommand)
def caffe(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL.caffemodel", help="The file that Caffe wrote."),
    ],
    out: OutArgument,
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Attention56, Attention92, AttentionNeXt56 or AttentionNeXt92.",
        ),
    ],
    bn_statistic: Annotated[
        BNStatistic,
        typer.Option(
            help="The content of the last blob of every layer BN: 1 / sqrt(variance "
            "+ 1e-5), or the variance. The file does not have this information.",
        ),
    ],
) -> None:
    """Convert a model that the paper's authors trained with their Caffe.

    Some versions of the layer BN store the inverse standard deviation, others the
    variance. See the source of the layer in the Caffe that wrote the file, or
    the values: an inverse standard deviation is never 0 or above 316.3 (a channel
    that was always zero has 316.2), but a variance can be. If you choose the
    wrong one, the predictions of the converted model are wrong.
    """
    check_out(out)
    import_keras()

    from keras_resattn.convert import convert_caffe

    converted = convert_caffe(model, network, bn_statistic.value)
    save(converted, out, source=f"{len(converted.weights)} blobs")
    beside = out.with_suffix(".json")
    typer.echo(
        f"{beside} is not {'changed' if beside.exists() else 'written'}, because a "
        "Caffe file has no class names, mean and standard deviation. Give them to "
        "other commands: --labels, --mean, --std."
    )


@app.command(cls=HelpCommand)
def pytorchcv(
    state: Annotated[
        Path,
        typer.Argument(
            metavar="STATE",
            help="A PyTorch state dict or checkpoint: .safetensors, .pth, .pt or .tar.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The Keras file to write, OUT.keras, or the model folder to make "
            "for `predict`, `masks`, `export` and other commands.",
        ),
    ],
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Attention56 (pytorchcv's resattnet56) or Attention92 (resattnet92).",
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file with one class name per line, in the order of the outputs. "
            "Default: the numbers of the classes.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Convert weights that were trained with pytorchcv's network.

    That network differs from the authors' network. The converted model is the
    same variant, from keras_resattn.compatibility. Its preprocessing, and the labels
    if you give them, are written into the folder, or into OUT.json beside OUT.keras.
    """
    to_folder = not out.suffix
    if not to_folder:
        check_out(out, "a file that ends in .keras, or a folder without a dot")
    import_keras()

    from keras_resattn.convert import convert_pytorchcv
    from keras_resattn.convert import write_model_folder
    from keras_resattn.convert import write_sidecar
    from keras_resattn.convert.folder import check_labels
    from keras_resattn.data.class_names import read_class_names

    names = read_class_names(labels) if labels else None
    converted = convert_pytorchcv(state, network)
    source = f"{len(converted.weights)} tensors"
    if to_folder:
        write_model_folder(converted, out, names)
        typer.echo(f"The model folder is {out}: {_describe(converted, source)}")
    else:
        if names is not None:
            check_labels(converted, names)
        save(converted, out, source)
        beside = write_sidecar(converted, out, names)
        typer.echo(
            f"{beside} has the mean and the standard deviation, {_stated(names)}."
        )
    typer.echo(
        "The model expects images as in its training. For pytorchcv these are RGB, "
        "224 x 224, from 0 to 1, minus the mean 0.485 0.456 0.406, divided by the "
        "standard deviation 0.229 0.224 0.225. Commands that take "
        f"{'the folder' if to_folder else 'the file'} do this."
    )


def _stated(labels: list[str] | None) -> str:
    if labels is None:
        return "but no class names; give them with --labels"
    return f"and {len(labels)} class names"


def check_out(out: Path, what: str = "a file that ends in .keras") -> None:
    """Raise a usage error if `out` cannot be the path of a Keras file."""
    if out.suffix != ".keras" or out.is_dir():
        raise typer.BadParameter(f"OUT must be {what}. Received: out={str(out)!r}")


def save(model: "keras.Model", out: Path, source: str) -> None:
    """Write the converted model, and print where it is and what it was made from."""
    from keras_resattn.atomic_writing import write_beside

    write_beside(out, model.save)
    typer.echo(f"The Keras model is {out}: {_describe(model, source)}")


def _describe(model: "keras.Model", source: str) -> str:
    return f"{model.name}, {model.count_params():,} parameters from {source}."
