"""The stages of a run: each begins from the weights of the one before."""

from pathlib import Path

from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import read_metrics
from keras_resattn.recipes.files import load_recipe


def stages_of(folder: Path) -> list[list[dict[str, str]]]:
    """Return the metrics of every stage of a run, those of the first stage first.

    A run that `train --extend` made has an earlier stage, if its folder is still there.
    Weights from another data set are no earlier stage.

    Args:
        folder: The path of a model folder.

    Returns:
        A list with the rows of `read_metrics` for each stage. At least one stage.
    """
    folders = [folder.resolve()]
    while (before := _before(folders[0])) is not None and before not in folders:
        folders.insert(0, before)
    return [read_metrics(path / METRICS) for path in folders]


def _before(folder: Path) -> Path | None:
    recipe = load_recipe(folder / RECIPE, to_build=False)
    weights = Path(recipe.network.weights or "")
    before = weights.parent.resolve()
    known = all((before / name).is_file() for name in (METRICS, RECIPE))
    if not (known and weights.is_absolute() and weights.name == MODEL):
        return None
    earlier = load_recipe(before / RECIPE, to_build=False)
    return before if earlier.data.name == recipe.data.name else None
