"""The model card of a run, from the files of its folder."""

import json
from pathlib import Path

from keras_resattn.model_folder import CARD
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import SKIPPED
from keras_resattn.model_folder import read_metrics
from keras_resattn.recipes.files import load_recipe
from keras_resattn.training.card import write_card
from keras_resattn.training.environment import describe_changes
from keras_resattn_client.image_files import printable


def write_run_card(folder: Path) -> None:
    """Write `card.md` into the folder of a run, from the other files in it.

    Args:
        folder: The path of a model folder.
    """
    rows = read_metrics(folder / METRICS)
    known = bool(rows) and all("seconds" in row for row in rows)
    environment, evaluation = folder / ENVIRONMENT, folder / EVALUATION
    write_card(
        folder / CARD,
        load_recipe(folder / RECIPE, to_build=False),
        _lines(folder / LABELS),
        rows,
        sum(float(row["seconds"]) for row in rows) if known else None,
        json.loads(evaluation.read_text("utf-8")) if evaluation.is_file() else None,
        _lines(folder / SKIPPED),
        environment=describe_changes(
            json.loads(environment.read_text("utf-8"))
            if environment.is_file()
            else {"environment of the training": "unknown"}
        ),
    )


def _lines(path: Path) -> list[str]:
    """Return the lines of a file. Names of files can have bytes that are not UTF-8."""
    if not path.is_file():
        return []
    text = path.read_text("utf-8", "surrogateescape")
    return [printable(line) for line in text.splitlines()]
