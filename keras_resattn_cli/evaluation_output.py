"""How `keras-resattn evaluate` prints its results."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from keras_resattn_cli.columns import terminal_width

if TYPE_CHECKING:
    from keras_resattn.training import Evaluation

# A larger table of confusions is hard to read, and does not fit a terminal.
MOST_CLASSES = 20
WORST = 10
UNLIMITED = 10_000


def print_evaluation(labels: tuple[str, ...], evaluation: "Evaluation") -> None:
    """Print the results of a model.

    Args:
        labels: The names of the classes.
        evaluation: The results.
    """
    console = Console(highlight=False)
    # In a file, every sentence stays on one line.
    one_line = terminal_width() is None
    for note in _notes(evaluation):
        console.print(note, soft_wrap=one_line, markup=False)
    console.print(_class_table(evaluation))
    matrix = _confusion_table(labels, evaluation)
    if len(labels) <= MOST_CLASSES and _fits(matrix):
        console.print(matrix)
    else:
        lines = _worst_confusions(labels, evaluation)
        console.print(lines, soft_wrap=one_line, markup=False)
    for line in _summary(evaluation):
        console.print(line, soft_wrap=one_line, markup=False)


def _fits(table: Table) -> bool:
    """Return whether the terminal shows a table without breaks in its cells."""
    width = terminal_width()
    # A console of the terminal's width would measure at most this width.
    wide = Console(width=UNLIMITED)
    return width is None or wide.measure(table).maximum <= width


def _notes(evaluation: "Evaluation") -> list[str]:
    """Return sentences about images that were left out."""
    notes = list(evaluation.notes)
    if evaluation.unreadable:
        notes.append(f"left out: {evaluation.unreadable:,} unreadable")
    if evaluation.unknown:
        count = sum(evaluation.unknown.values())
        names = list(evaluation.unknown)
        more = f" and {len(names) - WORST} more" if names[WORST:] else ""
        notes.append(
            f"left out: {count:,} of classes that the model does not have "
            f"({', '.join(names[:WORST])}{more})"
        )
    return notes


def _class_table(evaluation: "Evaluation") -> Table:
    """Return a table of all classes, or of those with the lowest F1."""
    classes = list(evaluation.classes)
    title = "Results of each class"
    if len(classes) > MOST_CLASSES:
        title = f"The {WORST} classes with the lowest F1 (--json prints all)"
        tested = [result for result in classes if result.images]
        classes = sorted(tested, key=lambda result: result.f1 or 0)[:WORST]
    table = Table("class", box=box.SIMPLE, title=title)
    for name in ("images", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for result in classes:
        shares = (result.precision, result.recall, result.f1)
        table.add_row(escape(result.label), f"{result.images:,}", *map(_share, shares))
    return table


def _confusion_table(labels: tuple[str, ...], evaluation: "Evaluation") -> Table:
    names = [str(i) for i in range(len(labels))]
    table = Table(
        "true class",
        *names,
        title="Confusion: a row for each true class, a column for each predicted one",
    )
    for i, (label, row) in enumerate(zip(labels, evaluation.confusion, strict=True)):
        cells = [f"[bold]{n}[/bold]" if i == j else str(n) for j, n in enumerate(row)]
        table.add_row(f"{i} {escape(label)}", *cells)
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


def _summary(evaluation: "Evaluation") -> list[str]:
    top5 = evaluation.top5_accuracy
    smoothing = evaluation.label_smoothing
    return [
        f"accuracy {evaluation.accuracy:.4f}"
        + (f"  top-5 {top5:.4f}" if top5 is not None else "")
        + f"  loss {evaluation.loss:.4f}"
        + (f" (label smoothing {smoothing:g})" if smoothing else ""),
        f"calibration error {evaluation.calibration_error:.4f}",
        f"on {evaluation.count:,} {_images(evaluation.split)} of {evaluation.data}",
    ]


def _images(split: str) -> str:
    words = {"train": "training images", "all": "images"}
    return words.get(split, f"{split} images")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
