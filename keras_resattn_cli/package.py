"""`keras-resattn package` and `keras-resattn push`."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from keras_resattn_cli.options import ModelArgument
from keras_resattn_cli.options import ModelOptions
from keras_resattn_cli.options import takes_model
from keras_resattn_cli.start import import_keras
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    from keras_resattn.model_folder import ModelFolder


@takes_model
def package(
    opening: ModelOptions,
    model: ModelArgument,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The model folder to make.")
    ],
) -> None:
    """Make a model folder of any model: a Keras file, weights by name, a repository.

    The folder has model.keras, labels.txt and recipe.yaml with the preprocessing.
    """
    if out.exists():
        raise FileExistsError(f"This path exists. Name a new folder. Received: {out}")
    import_keras()

    from keras_resattn.atomic_writing import write_beside

    folder = opening.open(model)
    write_beside(out, lambda beside: shutil.copytree(folder.path, beside))
    _write_card(out)
    typer.echo(f"The model folder is {out}: {_described(folder)}")


@takes_model
def push(
    opening: ModelOptions,
    model: ModelArgument,
    repository: Annotated[
        str,
        typer.Argument(
            metavar="hf://OWNER/REPOSITORY",
            help="A repository of the Hugging Face Hub, with @REVISION for a branch. "
            "It is made if it does not exist.",
        ),
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
) -> None:
    """Upload a model to the Hugging Face Hub. Log in first: `hf auth login`.

    Other commands then take hf://OWNER/REPOSITORY as MODEL.
    """
    require_extra("hub", "`push`")
    import_keras()

    from keras_resattn import hub

    hub.parse(repository)  # a wrong address is an error before any work begins
    folder = opening.open(model)
    if not (folder.path / "card.md").is_file():
        _write_card(folder.path)
    typer.echo(f"Uploaded: {hub.upload(folder.path, repository, private)}")


def _write_card(folder: Path) -> None:
    from keras_resattn.training.run_card import write_run_card

    write_run_card(folder)


def _described(folder: "ModelFolder") -> str:
    network = folder.recipe.network
    return f"{network.name}, {len(folder.labels)} classes."
