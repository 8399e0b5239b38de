"""A recipe: everything that describes a run, checked, read from YAML."""

import difflib
from pathlib import Path
from typing import Annotated
from typing import Literal

import pydantic
import yaml

FOLDER = Path(__file__).parent / "recipes"

PositiveInt = pydantic.PositiveInt
PixelValue = Annotated[float, pydantic.Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Data(Settings):
    """Which images: see `keras_resattn.data.load`."""

    name: str
    data_dir: str | None = None
    download: bool = False


class Network(Settings):
    """Which network: see `keras_resattn.create_model`."""

    name: str
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]


class Preprocessing(Settings):
    """How pixels are standardized: see `keras_resattn.data.Preprocessing`."""

    mean: PixelValue | tuple[PixelValue, ...] = 127.5
    std: pydantic.PositiveFloat | tuple[pydantic.PositiveFloat, ...] = 127.5


class Augmentation(Settings):
    """How training images vary: see `keras_resattn.data.training_batches`."""

    flip: bool = True
    crop_padding: pydantic.NonNegativeInt = 4


class Train(Settings):
    """SGD with momentum; the rate rises for `warmup_epochs`, then falls to zero
    as a cosine does."""

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 64
    learning_rate: pydantic.PositiveFloat = 0.1
    warmup_epochs: pydantic.NonNegativeFloat = 1.0
    momentum: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.9
    nesterov: bool = True
    weight_decay: pydantic.NonNegativeFloat = 0.0


class Recipe(Settings):
    """Everything that describes a run.

    Example:

    >>> recipe = load_recipe("demo", ["train.epochs=10"])
    >>> recipe.train.epochs, recipe.network.name
    (10, 'cifar_attention56')
    """

    data: Data
    network: Network
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    train: Train = Train()
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    seed: pydantic.NonNegativeInt = 0

    def to_yaml(self):
        """Return the recipe as YAML, every setting spelt out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def list_recipes():
    """Return the names of the recipes that are part of the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(name, overrides=()):
    """Read and check a recipe.

    Args:
        name: A name in `list_recipes()` or the path of a YAML file.
        overrides: Settings to change, each as `"section.key=value"`.

    Returns:
        A `Recipe`.

    Raises:
        FileNotFoundError: If there is no such recipe.
        ValueError: If it is no YAML or a setting is unknown or out of range.
    """
    path = _find(str(name))
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"This recipe is no YAML: {reason}. Received: {name}") from (
            error
        )
    if not isinstance(settings, dict):
        raise ValueError(
            "A recipe is a YAML mapping of sections (data, network, ...). "
            f"Received: {name}"
        )
    for override in overrides:
        _override(settings, override)
    try:
        return Recipe.model_validate(settings)
    except pydantic.ValidationError as error:
        raise ValueError(_explain(error, name)) from error


def _find(name):
    if name in list_recipes():
        return FOLDER / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    close = difflib.get_close_matches(name, list_recipes(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else "give one of these, or a file:"
    raise FileNotFoundError(
        f"There is no such recipe; {hint} {', '.join(list_recipes())}. Received: {name}"
    )


def _override(settings, override):
    key, equals, value = override.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not all([*sections, last]):
        raise ValueError(
            "A setting is changed by `section.key=value`, as in `train.epochs=10`. "
            f"Received: {override}"
        )
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise ValueError(f"'{section}' is no section. Received: {override}")
    settings[last] = yaml.safe_load(value)


def _explain(error, name):
    """Return the first fault of a validation error as one sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "extra_forbidden":
        known = _fields(first["loc"][:-1])
        close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}."
        message = f"no such setting; {hint}"
    return f"Recipe {name}, {where}: {message}. Received: {first['input']!r}"


def _fields(sections):
    model = Recipe
    for section in sections:
        model = model.model_fields[section].annotation
    return list(model.model_fields)
