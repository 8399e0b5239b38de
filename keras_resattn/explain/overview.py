"""The default figures of images that fit in memory: one each, with shared scales."""

from collections.abc import Iterator
from collections.abc import Sequence

import keras
from matplotlib.figure import Figure

from keras_resattn.explain.amplification_maps import amplification
from keras_resattn.explain.arrays import masks
from keras_resattn.explain.arrays import mean_masks
from keras_resattn.explain.figures.attention import attention_figure
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.patterns import MaskPatterns
from keras_resattn.explain.patterns import mask_patterns
from keras_resattn.explain.scales import scale_around_mean
from keras_resattn.typing import Array


def overview_figures(
    model: keras.Model,
    images: Images,
    inputs: Array,
    titles: Sequence[str],
    view: str = "attention",
    pattern_count: int = 4,
) -> Iterator[Figure]:
    """Yield a figure for each image. All share the scales and the mask patterns.

    Args:
        model: A functional `keras.Model` with attention modules.
        images: Arrays of pixel values, 0 to 255.
        inputs: The same images, standardized as for `model`.
        titles: One string per image.
        view: `"attention"`, `"amplification"`, `"patterns"` or `"mean"`, see
            `write_explanations`.
        pattern_count: Integer, see `mask_patterns`.
    """
    if view == "mean":
        means = mean_masks(model, inputs)
        for i in range(len(images)):
            yield mask_figure(images[i : i + 1], _only(means, i), titles[i : i + 1])
        return
    maps = {} if view == "patterns" else amplification(model, inputs)
    every = {} if view == "amplification" else masks(model, inputs)
    patterns = {n: mask_patterns(mask, pattern_count) for n, mask in every.items()}
    scales = {name: scale_around_mean(one) for name, one in maps.items()}
    for i in range(len(images)):
        one = {
            name: MaskPatterns(found.maps[i : i + 1], found.basis)
            for name, found in patterns.items()
        }
        parts = (images[i : i + 1], _only(maps, i), one, titles[i : i + 1])
        yield attention_figure(*parts, scales)


def _only(maps: dict[str, Array], i: int) -> dict[str, Array]:
    return {name: values[i : i + 1] for name, values in maps.items()}
