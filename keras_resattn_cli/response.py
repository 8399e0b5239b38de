"""`keras-resattn response`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import DatasetArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras


def response(
    model: ModelArgument,
    dataset: DatasetArgument = None,
    data_dir: DataDirOption = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Another model folder to draw beside it, such as one with naive "
            "attention, on the same images.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="How many images to take, at random.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option(min=0, help="From which follows which images.")
    ] = 0,
    batch_size: Annotated[
        int, typer.Option(min=1, help="How many images to compute at a time.")
    ] = 64,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write the results.")
    ] = Path("response"),
):
    """Measure the mean absolute response of every module's output by depth.

    Writes response.csv and response.png. The paper draws it to show why naive
    attention degrades: there the signal vanishes with depth.
    """
    import_keras()

    from keras_resattn import experiments
    from keras_resattn.model_folder import ModelFolder

    opened = ModelFolder.open(model)
    folders = _labelled([opened, *([ModelFolder.open(against)] if against else [])])
    settings = opened.recipe.data
    source = dataset or settings.name, data_dir or settings.data_dir
    responses = {
        label: _measure(folder, source, limit, seed, batch_size)
        for label, folder in folders.items()
    }
    _print(responses)
    experiments.write_response(responses, out)
    typer.echo(f"The results are {out / 'response.csv'} and {out / 'response.png'}.")


def _labelled(folders):
    """Return the folders by what tells them apart: the kind of attention, a name."""
    labels = [folder.recipe.network.attention or "residual" for folder in folders]
    if len(set(labels)) < len(labels):
        labels = [f"{folder.path}" for folder in folders]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"Give two models to compare. Received: --against {folders[1].path}, the "
            "model itself"
        )
    return dict(zip(labels, folders, strict=True))


def _measure(folder, source, limit, seed, batch_size):
    from keras_resattn import data
    from keras_resattn import experiments
    from keras_resattn_cli.progress import track_batches

    images = folder.labelled_images(*source)
    batches = data.sample_batches(
        images.test, folder.preprocessing, batch_size, limit, seed
    )
    count = min(limit, images.test.count)
    tracked = track_batches(batches.as_numpy_iterator(), count)
    with data.naming_unreadable_images(images, folder.preprocessing):
        return experiments.mean_response(
            folder.model, (pixels for pixels, _ in tracked)
        )


def _print(responses):
    from rich.console import Console
    from rich.table import Table

    from keras_resattn.experiments import module_outputs

    table = Table("output of", title="Mean absolute response")
    columns = []
    for label, blocks in responses.items():
        table.add_column(label, justify="right")
        outputs = module_outputs(blocks).items()
        columns.append({module: blocks[name].mean() for module, name in outputs})
    for module in max(columns, key=len):
        values = [column.get(module) for column in columns]
        table.add_row(module, *("" if v is None else f"{v:.4f}" for v in values))
    Console().print(table)
