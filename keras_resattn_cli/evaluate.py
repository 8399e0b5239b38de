"""`keras-resattn evaluate`."""

from typing import TYPE_CHECKING

from keras_resattn_cli.columns import terminal_width
from keras_resattn_cli.options import DataDirOption
from keras_resattn_cli.options import DatasetArgument
from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras

if TYPE_CHECKING:
    from rich.table import Table

    from keras_resattn.training import Evaluation

# A larger table of confusions is hard to read, and does not fit a terminal.
MOST_CLASSES = 20
WORST = 10


@takes_model
def evaluate(
    opening: ModelOptions,
    model: ModelArgument,
    dataset: DatasetArgument = None,
    data_dir: DataDirOption = None,
) -> None:
    """Test a model on test images, by default those of its recipe.

    Prints the accuracy and the confusion table. With more than 20 classes it
    prints the most frequent confusions instead. The model folder keeps
    everything in evaluation.json.
    """
    import_keras()

    from rich.console import Console

    from keras_resattn import training

    folder = opening.open(model)
    evaluation = training.evaluate(folder, name=dataset, data_dir=data_dir)

    console = Console(highlight=False)
    table = _confusion_table(folder.labels, evaluation)
    width = terminal_width()
    fits = width is None or console.measure(table).maximum <= width
    if len(folder.labels) <= MOST_CLASSES and fits:
        console.print(table)
    else:
        console.print(_worst_confusions(folder.labels, evaluation), soft_wrap=True)
    console.print(
        f"accuracy {evaluation.accuracy:.4f}  loss {evaluation.loss:.4f}  on "
        f"{evaluation.count} test images of {evaluation.data}",
        soft_wrap=True,
    )


def _confusion_table(labels: tuple[str, ...], evaluation: "Evaluation") -> "Table":
    from rich.table import Table

    names = [str(i) for i in range(len(labels))]
    table = Table(
        "true class",
        *names,
        title="Confusion: a row for each true class, a column for each predicted one",
    )
    for i, (label, row) in enumerate(zip(labels, evaluation.confusion, strict=True)):
        cells = [f"[bold]{n}[/bold]" if i == j else str(n) for j, n in enumerate(row)]
        table.add_row(f"{i} {label}", *cells)
    return table


def _worst_confusions(labels: tuple[str, ...], evaluation: "Evaluation") -> str:
    """Return a line for each of the most frequent confusions."""
    counts = [
        (count, sum(row), labels[i], labels[j])
        for i, row in enumerate(evaluation.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    worst = sorted(counts, key=lambda entry: -entry[0])[:WORST]
    lines = [
        f"  {count} of {images} images of {true} predicted as {predicted}"
        for count, images, true, predicted in worst
    ]
    return "\n".join(["Most frequent confusions:", *(lines or ["  none"])])
