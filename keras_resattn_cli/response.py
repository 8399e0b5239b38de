"""`keras-resattn response`."""

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import DatasetArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from keras_resattn.model_folder import ModelFolder
    from keras_resattn.typing import Array


@takes_model
def response(
    opening: ModelOptions,
    model: ModelArgument,
    dataset: DatasetArgument = None,
    data_dir: DataDirOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Another model to compare with on the same images, such as "
            "one with naive attention.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="The number of images, chosen at random.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed for the choice of images.")
    ] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 64,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The folder to write to.")
    ] = Path("response"),
) -> None:
    """Measure the mean absolute response of every module's output by depth.

    Writes response.csv and response.png. The paper uses this figure to show why
    naive attention degrades: its signal vanishes with depth.
    """
    require_extra("vis", "`response`", ("matplotlib",))
    import_keras()

    from keras_resattn import experiments

    opened = opening.open(model)
    folders = _labelled([opened, *([opening.open(against)] if against else [])])
    if dataset is None:
        opened.check_data()
    settings = opened.recipe.data
    source = dataset or settings.name, data_dir or settings.data_dir
    responses = {
        label: _measure(folder, source, limit, seed, batch_size)
        for label, folder in folders.items()
    }
    _print(responses)
    experiments.write_response(responses, out)
    typer.echo(f"The results are {out / 'response.csv'} and {out / 'response.png'}.")


def _labelled(folders: "list[ModelFolder]") -> "dict[str, ModelFolder]":
    """Return the folders by the kind of attention, or by path if both have the same."""
    labels: list[str] = [
        folder.recipe.network.attention or "residual" for folder in folders
    ]
    if len(set(labels)) < len(labels):
        labels = [f"{folder.path}" for folder in folders]
    if len(set(labels)) < len(labels):
        raise ValueError(
            "Compare the model with another one. Received: --against "
            f"{folders[1].path}, the model itself"
        )
    return dict(zip(labels, folders, strict=True))


def _measure(
    folder: "ModelFolder",
    source: "tuple[str, str | Path | None]",
    limit: int,
    seed: int,
    batch_size: int,
) -> "dict[str, Array]":
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


def _print(responses: "dict[str, dict[str, Array]]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from keras_resattn.experiments import module_outputs

    table = Table("output of", title="Mean absolute response")
    columns = []
    for label, blocks in responses.items():
        table.add_column(escape(label), justify="right")
        outputs = module_outputs(blocks).items()
        columns.append({module: blocks[name].mean() for module, name in outputs})
    for module in max(columns, key=len):
        values = [column.get(module) for column in columns]
        table.add_row(module, *("" if v is None else f"{v:.4f}" for v in values))
    Console().print(table)
