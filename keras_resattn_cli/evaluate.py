"""`keras-resattn evaluate`."""

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.start import import_keras


def evaluate(model: ModelArgument):
    """Test a model on the test images of its recipe.

    Prints the accuracy and the confusion table; evaluation.json keeps both in
    the model folder.
    """
    import_keras()

    from rich.console import Console
    from rich.table import Table

    from keras_resattn import training
    from keras_resattn.model_folder import ModelFolder

    folder = ModelFolder.open(model)
    evaluation = training.evaluate(folder)

    console = Console()
    names = [str(i) for i in range(len(folder.labels))]
    table = Table(
        "true class",
        *names,
        title="Confusion: a row for each true class, a column for each predicted one",
    )
    for i, (label, row) in enumerate(
        zip(folder.labels, evaluation.confusion, strict=True)
    ):
        cells = [f"[bold]{n}[/bold]" if i == j else str(n) for j, n in enumerate(row)]
        table.add_row(f"{i} {label}", *cells)
    console.print(table)
    console.print(
        f"accuracy {evaluation.accuracy:.4f}  loss {evaluation.loss:.4f}  on "
        f"{evaluation.count} test images of {evaluation.data}",
        highlight=False,
    )
