"""The progress bar of commands that go through images."""

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import ProgressColumn
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn
from rich.text import Text


def image_progress():
    """Return a progress bar on standard error, shown on a terminal alone."""
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


def track_batches(batches, count):
    """Yield batches, pairs of images and labels, and show how many images are done."""
    with image_progress() as progress:
        task = progress.add_task("", total=count)
        for images, labels in batches:
            yield images, labels
            progress.advance(task, len(labels))


class _Speed(ProgressColumn):
    def render(self, task):
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")
