"""Arguments that several commands take."""

import dataclasses
import enum
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

if TYPE_CHECKING:
    from keras_resattn.model_folder import ModelFolder


class Engine(enum.StrEnum):
    local = enum.auto()
    ray = enum.auto()


MODEL_HELP = (
    "A model folder, made by `train`; a .keras file; the name of weights, such as "
    "cifar10 (`list --weights` shows them); or hf://OWNER/REPOSITORY@REVISION."
)


class Resize(enum.StrEnum):
    squash = enum.auto()
    crop = enum.auto()
    pad = enum.auto()


ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)]
DatasetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET",
        help="A folder with one folder of images per class, a CSV file (path,label), "
        "or a name that tensorflow-datasets knows. It must have the classes of the "
        "model. The test images are used. Default: the data of the model's recipe.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        help="The folder where tensorflow-datasets keeps its files. Default: the one "
        "in the recipe.",
        metavar="FOLDER",
    ),
]


# === The options of a MODEL that is a Keras file ===

KERAS_FILE = "If MODEL is a .keras file"
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file with one class name per line, in the order of the outputs. "
        "Default: the numbers of the classes.",
        show_default=False,
        rich_help_panel=KERAS_FILE,
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="What the training subtracted from pixels of 0 to 255: one number, or one "
        "per channel with commas between them.",
        show_default=False,
        rich_help_panel=KERAS_FILE,
    ),
]
StdOption = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBERS",
        help="What the training divided the difference by, in the same form.",
        show_default=False,
        rich_help_panel=KERAS_FILE,
    ),
]
ResizeOption = Annotated[
    Resize | None,
    typer.Option(
        help="How images of another aspect ratio than the network's are resized. "
        "Default: squash.",
        show_default=False,
        rich_help_panel=KERAS_FILE,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The output with the classes, if there are several.",
        show_default=False,
        rich_help_panel=KERAS_FILE,
    ),
]
AllowCodeOption = Annotated[
    bool,
    typer.Option(
        "--allow-code",
        help="Import the module of a basic unit that the recipe names as module:Class. "
        "This runs its code.",
        rich_help_panel="If the network has a unit of your own",
    ),
]
# The options by their parameters. `takes_model` adds them to a command.
FACTS = {
    "labels": (LabelsOption, None),
    "mean": (MeanOption, None),
    "std": (StdOption, None),
    "resize": (ResizeOption, None),
    "output": (OutputOption, None),
    "allow_code": (AllowCodeOption, False),
}


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """The options with which a command opens its MODEL."""

    labels: Path | None = None
    mean: str | None = None
    std: str | None = None
    resize: Resize | None = None
    output: str | None = None
    allow_code: bool = False

    def open(self, model: str) -> "ModelFolder":
        """Return the model folder of MODEL. Call `import_keras` first."""
        from keras_resattn.model_source import load_model

        return load_model(
            model,
            self.labels,
            _numbers("mean", self.mean),
            _numbers("std", self.std),
            self.resize and self.resize.value,
            self.output,
            self.allow_code,
        )


def takes_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `ModelOptions`.

    The command has a parameter `opening`, which receives them.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.name != "opening"]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option
        )
        for name, (option, default) in FACTS.items()
    ]

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        options = ModelOptions(**{name: arguments.pop(name) for name in FACTS})
        command(opening=options, **arguments)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    with_options.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters + added
    )
    with_options.__annotations__ = {p.name: p.annotation for p in parameters + added}
    return with_options


def _numbers(name: str, text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(number) for number in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(
            f"--{name} must be one number, or one per channel with commas between "
            f"them, such as 123.7,116.8,103.9. Received: --{name} {text}"
        ) from error
