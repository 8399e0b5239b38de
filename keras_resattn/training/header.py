"""The lines that a training prints before its first epoch."""

import math
import os
import textwrap
from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_resattn.data import LabelledImages
from keras_resattn.data import describe_images
from keras_resattn.recipes.settings import Recipe
from keras_resattn.recipes.settings import Train
from keras_resattn.training.distribution import Strategy
from keras_resattn.training.distribution import count_replicas
from keras_resattn.training.processor import processor_name
from keras_resattn.typing import StrPath

WIDTH = 80
NAME_WIDTH = 10


def header(
    recipe: Recipe,
    network: keras.Model,
    data: LabelledImages,
    strategy: Strategy,
    folder: StrPath,
    notes: Sequence[str] = (),
) -> str:
    """Return the header of a training, in lines of at most 80 characters.

    Args:
        recipe: The `Recipe`, with the batch size that is used.
        network: The network.
        data: The images.
        strategy: The result of `choose_strategy`.
        folder: The folder of the run.
        notes: Texts of warnings.
    """
    images = describe_images(data)
    rows = [
        ("network", _network(recipe, network)),
        *zip(("data", *[""] * len(images)), images, strict=False),
        ("device", _device(strategy)),
        ("precision", f"{recipe.precision}{_xla(recipe)}"),
        ("batch", describe(recipe.train, strategy)),
        *(("", text) for text in _left_over(recipe.train, data.train.count)),
        ("optimizer", _optimizer(recipe.train)),
        ("folder", str(folder)),
        *(("note", note.partition(" Received: ")[0]) for note in notes),
    ]
    return "\n".join(line for name, text in rows for line in _lines(name, text))


def describe(settings: Train, strategy: Strategy) -> str:
    """Return a line with the parts of the batch and the learning rate.

    Example:

    >>> describe(recipe.train, strategy)
    'global batch 64 = 2 devices x 32; learning rate 0.1 = 0.1 x 64 / 64'

    Args:
        settings: The section `train` of the recipe.
        strategy: The result of `choose_strategy`.
    """
    size = settings.batch_size
    replicas = count_replicas(strategy)
    devices = "device" if replicas == 1 else "devices"
    images = size * settings.accumulate
    base = settings.base_batch_size or images
    steps = "" if images == size else f", {settings.accumulate} steps per update"
    return (
        f"global batch {size} = {replicas} {devices} x {size // replicas}{steps}; "
        f"learning rate {settings.peak_learning_rate:g} = "
        f"{settings.learning_rate:g} x {images} / {base}"
    )


def _left_over(settings: Train, count: int) -> list[str]:
    """Return a text about images that do not fill a batch, or none."""
    rest = count % settings.batch_size
    if settings.steps_per_epoch or not rest:
        return []
    return [f"each epoch leaves out {rest} of {count:,} images, other ones each time"]


def _lines(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{name:{NAME_WIDTH}}",
        subsequent_indent=" " * NAME_WIDTH,
        # A path or a name is never cut, because it may be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )


def _network(recipe: Recipe, network: keras.Model) -> str:
    size = " x ".join(map(str, recipe.network.input_shape))
    weights = recipe.network.weights
    start = f", starts from {weights}" if weights else ""
    frozen = recipe.train.freeze
    part = "" if frozen == "none" else f", {frozen} frozen"
    # As `list` and `summary` count them, without moving statistics.
    count = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    return f"{network.name}, {size}, {count:,} trainable parameters{start}{part}"


def _device(strategy: Strategy) -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"{len(gpus)} x {details.get('device_name', 'GPU')}"
    return f"processor {processor_name()}, {os.cpu_count()} logical cores".replace(
        "  ", " "
    )


def _xla(recipe: Recipe) -> str:
    return {None: "", True: ", with XLA", False: ", without XLA"}[recipe.jit]


def _optimizer(settings: Train) -> str:
    decay = f", weight decay {settings.weight_decay:g}" if settings.weight_decay else ""
    return (
        f"{settings.optimizer}, {settings.schedule} schedule, "
        f"{settings.epochs} epoch{'s' if settings.epochs != 1 else ''}{decay}"
    )
