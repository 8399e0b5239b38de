"""`keras-resattn convert`: models of other programs, one command each."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.start import import_keras

app = typer.Typer(
    name="convert",
    help="Convert a model of another program to Keras.",
    no_args_is_help=True,
)

OutArgument = Annotated[
    Path, typer.Argument(metavar="OUT.keras", help="The Keras file to write.")
]


class BNStatistic(StrEnum):
    """What the last blob of a Caffe model's batch normalizations holds."""

    INVERSE_STD = "inverse-std"
    VARIANCE = "variance"


@app.command()
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
            help="What the last blob of every layer BN holds: 1 / sqrt(variance + "
            "1e-5), or the variance. The file does not say it.",
        ),
    ],
):
    """Convert a model that the paper's authors trained with their Caffe.

    Their layer BN keeps the inverse standard deviation, others the variance.
    The source of the layer in the Caffe that wrote the file tells which. So do
    the values: an inverse standard deviation is never 0 nor above 316.3 (a
    channel that was always zero has 316.2), a variance can be both. With the
    wrong one the converted model's answers are wrong.
    """
    check_out(out)
    import_keras()

    from keras_resattn.convert import convert_caffe

    converted = convert_caffe(model, network, bn_statistic.value)
    save(converted, out, source=f"{len(converted.weights)} blobs")


@app.command()
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
            help="A Keras file to write, OUT.keras, or a model folder to make, which "
            "predict, masks, export and the others take.",
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
            help="Of a folder: the names of the classes, one a line, in the order of "
            "the outputs. By default their numbers.",
            show_default=False,
        ),
    ] = None,
):
    """Convert weights that were trained on pytorchcv's network.

    It deviates from the authors' network; the model is the same variant, of
    keras_resattn.compatibility.
    """
    to_folder = not out.suffix
    if not to_folder:
        check_out(out, "a file that ends in .keras or a folder, a name without a dot")
    if labels is not None and not to_folder:
        raise ValueError(
            "`--labels` is of a model folder; leave it out, or name a folder as OUT. "
            f"Received: --labels {labels} with {out}"
        )
    names = labels and labels.read_text(encoding="utf-8").splitlines()
    import_keras()

    from keras_resattn.convert import convert_pytorchcv
    from keras_resattn.convert import write_model_folder

    converted = convert_pytorchcv(state, network)
    source = f"{len(converted.weights)} tensors"
    if to_folder:
        write_model_folder(converted, out, names)
        typer.echo(f"The model folder is {out}: {_facts(converted, source)}")
    else:
        save(converted, out, source)
    typer.echo(
        "Images are as in its training; pytorchcv's are RGB, 224 x 224, scaled to "
        "0 to 1, less the mean 0.485 0.456 0.406, over the deviation 0.229 0.224 0.225."
        + (" The folder's commands do that." if to_folder else "")
    )


def check_out(out, what="a file that ends in .keras"):
    """Raise a `ValueError` if `out` can be no Keras file."""
    if out.suffix != ".keras" or out.is_dir():
        raise ValueError(f"`out` must be {what}. Received: out={str(out)!r}")


def save(model, out, source):
    """Write the converted model and say so, and what its weights were."""
    from keras_resattn.model_folder import write_beside

    write_beside(out, model.save)
    typer.echo(f"The Keras model is {out}: {_facts(model, source)}")


def _facts(model, source):
    return f"{model.name}, {model.count_params():,} parameters from {source}."
