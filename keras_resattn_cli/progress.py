"""The progress bar of commands that process many images."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import ProgressColumn
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn
from rich.text import Text

from keras_resattn_client.image_files import LeftOut
from keras_resattn_client.image_files import describe_left_out

if TYPE_CHECKING:
    from rich.progress import Task

    from keras_resattn.typing import Array


def image_progress() -> Progress:
    """Return a progress bar on standard error; only a terminal shows it."""
    console = Console(stderr=True)
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def track_batches(
    batches: "Iterable[tuple[Array, Array]]", count: int
) -> "Iterator[tuple[Array, Array]]":
    """Yield batches of images and labels, and show how many of the images are done."""
    with image_progress() as progress:
        task = progress.add_task("", total=count)
        for images, labels in batches:
            yield images, labels
            progress.advance(task, len(labels))


def print_left_out(left_out: LeftOut) -> None:
    """Print on standard error how many files in folders were left out, by reason."""
    if left_out.total():
        typer.echo(describe_left_out(left_out), err=True)


class _Speed(ProgressColumn):
    def render(self, task: "Task") -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")
