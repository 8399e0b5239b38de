"""Which settings of a run may change when it is resumed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_resattn.model_folder import MODEL
from keras_resattn.recipes.settings import VERSION_0_1
from keras_resattn.recipes.settings import Recipe

# Settings that belong to the machine. They may change when a run is resumed.
MACHINE = ("data.data_dir", "data.download", "jit", "precision")


def divided_as(recipe: Recipe, stored: Recipe) -> Recipe:
    """Return a recipe with the images divided as in a run of version 0.1.

    The recipes of the package no longer have that rule.
    """
    if stored.data.validation != VERSION_0_1:
        return recipe
    data = recipe.data.model_copy(update={"validation": VERSION_0_1})
    return recipe.model_copy(update={"data": data})


def machine_changes(
    recipe: Recipe, stored: Recipe, folder: Path, remedy: str = ""
) -> dict[str, Any]:
    """Return the settings of the machine that differ; raise an error for others."""
    given, kept = _flat(recipe.model_dump()), _flat(stored.model_dump())
    keys = [key for key in given | kept if given.get(key) != kept.get(key)]
    for key in keys:
        if key not in MACHINE:
            raise ValueError(
                f"The run has another recipe ({key}={kept.get(key)!r}). Resume it "
                f"without changes (only {', '.join(MACHINE)} may change), or start a "
                f"new run in another folder. {remedy}"
                f"Received: {key}={given.get(key)!r} for {folder}"
            )
    return {key: given[key] for key in keys}


def extend_hint(folder: Path, recipe: Recipe) -> str:
    """Return how to train a finished run further."""
    if recipe.network.from_python:
        return (
            "To train this finished model further, do it in Python: folder = "
            f"keras_resattn.load_model({os.fspath(folder)!r}); "
            "keras_resattn.training.fit(folder.recipe, OUT, network=folder.model). "
        )
    return (
        "To train this finished model further, run: keras-resattn train "
        f"{folder} --extend EPOCHS --out FOLDER (it starts from "
        f"network.weights={folder / MODEL}). "
    )


def shown(key: str, value: Any) -> str:
    """Return the value of a setting, but no path, because cards are published."""
    return "changed" if key == "data.data_dir" else str(value)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat
