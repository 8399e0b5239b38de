"""`keras-resattn evaluate`."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras


class Part(enum.StrEnum):
    train = enum.auto()
    validation = enum.auto()
    test = enum.auto()


@takes_model
def evaluate(
    opening: ModelOptions,
    model: ModelArgument,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Other images than those of the recipe: a folder with one folder of "
            "images per class, a CSV file (path,label or path,label,split), or a name "
            "that tensorflow-datasets knows.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        Part | None,
        typer.Option(
            help="Which images. Default: test, or validation if --data has no test "
            "images; all images of --data if they have no splits.",
            show_default=False,
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write a line for each image: its class, the predicted class, their "
            "probabilities, the loss.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all results as JSON.")
    ] = False,
    data_dir: DataDirOption = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 64,
) -> None:
    """Test a model on labelled images.

    Prints accuracy, loss, calibration error, precision, recall and F1 of each
    class, and the confusions. The results on the test images of the recipe are
    also written to evaluation.json and the model card.
    """
    if predictions is not None and predictions.suffix.lower() != ".csv":
        raise typer.BadParameter(
            "--predictions writes CSV; give a file that ends in .csv. "
            f"Received: --predictions {predictions}"
        )
    import_keras()

    from keras_resattn import training
    from keras_resattn_cli.evaluation_output import print_evaluation

    folder = opening.open(model)
    evaluation = training.evaluate(
        folder,
        batch_size,
        data,
        split and split.value,
        predictions,
        data_dir,
    )
    if as_json:
        typer.echo(evaluation.to_json())
    else:
        print_evaluation(folder.labels, evaluation)
    if predictions is not None:
        typer.echo(f"The predictions are in {predictions}.", err=as_json)
