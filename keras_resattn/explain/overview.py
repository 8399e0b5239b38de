"""The default figures of images that fit in memory: one each, with shared scales."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import keras
from matplotlib.figure import Figure

from keras_resattn.explain.amplification_maps import amplification_of
from keras_resattn.explain.arrays import mean_masks
from keras_resattn.explain.figures.attention import attention_figure
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.reader import batches_of
from keras_resattn.explain.reader import reader
from keras_resattn.explain.reference import BATCH_SIZE
from keras_resattn.explain.reference import evenly_spaced
from keras_resattn.explain.reference import find_reference
from keras_resattn.explain.scales import Scale
from keras_resattn.typing import Array
from keras_resattn.views.modules import attention_modules


def overview_figures(
    model: keras.Model,
    images: Images,
    inputs: Array,
    titles: Sequence[str],
    view: str = "attention",
    pattern_count: int = 4,
    scales: Mapping[str, Scale] | None = None,
) -> Iterator[Figure]:
    """Yield a figure for each image. All share the scales and the mask patterns.

    These are the same as in `write_explanations`.

    Args:
        model: A functional `keras.Model` with attention modules.
        images: Arrays of pixel values, 0 to 255.
        inputs: The same images, standardized as for `model`.
        titles: One string per image.
        view: `"attention"`, `"amplification"`, `"patterns"` or `"mean"`, see
            `write_explanations`.
        pattern_count: Integer, see `mask_patterns`.
        scales: Optional dictionary from the names of modules to the scales of their
            amplification. Defaults to scales that fit these images.
    """
    if view == "mean":
        means = mean_masks(model, inputs)
        for i in range(len(images)):
            yield mask_figure(images[i : i + 1], _only(means, i), titles[i : i + 1])
        return
    modules = attention_modules(model)
    batches = batches_of(inputs[evenly_spaced(len(inputs))], BATCH_SIZE)
    reference = find_reference(model, modules, batches, pattern_count)
    masks = {f"{name}/mask": tensors.mask for name, tensors in modules.items()}
    read = reader(model, {**amplification_of(modules), **masks})
    for i in range(len(images)):
        arrays = read(inputs[i : i + 1])
        maps = {name: arrays[name] for name in modules}
        patterns = {
            name: apply_patterns(arrays[f"{name}/mask"], basis)
            for name, basis in reference.patterns.items()
        }
        yield attention_figure(
            images[i : i + 1],
            {} if view == "patterns" else maps,
            {} if view == "amplification" else patterns,
            titles[i : i + 1],
            reference.scales if scales is None else scales,
        )


def _only(maps: dict[str, Array], i: int) -> dict[str, Array]:
    return {name: values[i : i + 1] for name, values in maps.items()}
