"""What the figures of many images share: mask patterns, and scales of amplification."""

from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.explain.amplification_maps import amplification_of
from keras_resattn.explain.patterns import PatternBasis
from keras_resattn.explain.patterns import fit_patterns
from keras_resattn.explain.patterns import some_positions
from keras_resattn.explain.reader import Modules
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.reader import reader
from keras_resattn.explain.scales import Scale
from keras_resattn.explain.scales import scale_around_mean
from keras_resattn.explain.shown_images import picture_batches
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.views.modules import attention_modules

# Images to find patterns and scales in: the figures of all images share them.
IMAGES = 64
BATCH_SIZE = 8  # the same everywhere, because it decides which positions are used
POSITIONS = 2500  # per batch: a mask of 224 x 224 pixels has up to 3136 per image


class Reference(NamedTuple):
    """The scale of the amplification and the patterns of each module.

    Attributes:
        scales: A dictionary from modules to `Scale`s.
        patterns: A dictionary from modules to `PatternBasis`es.
        images: The number of images that they were found in.
    """

    scales: dict[str, Scale]
    patterns: dict[str, PatternBasis]
    images: int


def evenly_spaced(count: int) -> slice:
    """Return the places of at most `IMAGES` of `count` images, evenly spaced."""
    return slice(None, None, max(1, -(-count // IMAGES)))


def find_reference(
    model: keras.Model,
    modules: Modules,
    batches: Iterable[Array],
    count: int = 4,
    seed: int = 0,
) -> Reference:
    """Find scales and patterns in images, batch by batch, in constant memory.

    Args:
        model: A functional `keras.Model`.
        modules: Attention modules of `model`, by name.
        batches: Float32 arrays `(N, H, W, C)`, standardized as for `model`.
        count: Integer, the number of patterns, see `mask_patterns`.
        seed: Integer, see `mask_patterns`.
    """
    tensors = {f"{name}/mask": tensors.mask for name, tensors in modules.items()}
    read = reader(model, {**tensors, **amplification_of(modules)})
    amplified: dict[str, list[Array]] = {name: [] for name in modules}
    masks: dict[str, list[Array]] = {name: [] for name in modules}
    images, random = 0, np.random.default_rng(seed)
    for batch in batches:
        arrays = read(batch)
        images += len(batch)
        for name in modules:
            amplified[name].append(arrays[name].ravel())
            mask = arrays[f"{name}/mask"]
            masks[name].append(some_positions(mask, random, POSITIONS))
    return Reference(
        {name: scale_around_mean(maps) for name, maps in amplified.items()},
        {name: fit_patterns(kept, count, seed) for name, kept in masks.items()},
        images,
    )


def reference_of_files(
    folder: ModelFolder,
    paths: Sequence[Path],
    modules: Iterable[str] | None = None,
    count: int = 4,
) -> Reference:
    """Find the scales and patterns of image files, in up to `IMAGES` of them.

    Args:
        folder: A `ModelFolder`.
        paths: Paths of images.
        modules: Names of attention modules. Defaults to all.
        count: Integer, see `find_reference`.
    """
    chosen = choose_modules(attention_modules(folder.model), modules)
    files = paths[evenly_spaced(len(paths))]
    pairs = picture_batches(folder.preprocessing, files, BATCH_SIZE)
    batches = (inputs for _, inputs in pairs)
    return find_reference(folder.model, chosen, batches, count)
