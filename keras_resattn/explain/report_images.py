"""The test images of a report, with what the attention modules do to them."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resattn.data import EvaluationImages
from keras_resattn.data import evaluation_images
from keras_resattn.data import read_pictures
from keras_resattn.explain import pictures
from keras_resattn.explain.explanation import Explanation
from keras_resattn.explain.explanation import explain_modules
from keras_resattn.explain.explanation import select_image
from keras_resattn.explain.map_pictures import amplification_picture
from keras_resattn.explain.map_pictures import amplification_scale
from keras_resattn.explain.map_pictures import pattern_key
from keras_resattn.explain.map_pictures import pattern_picture
from keras_resattn.explain.map_pictures import triptych_pictures
from keras_resattn.explain.patterns import PatternBasis
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.reference import find_reference
from keras_resattn.explain.scales import Scale
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.views.modules import attention_modules

# How many test images figure 1 shows. Each needs one row per stage.
FIGURE_1_IMAGES = 3
BATCH = 8


def image_groups(
    folder: ModelFolder, count: int, evaluation: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the groups of images of a report: the first, the wrong, the least sure.

    Args:
        folder: The `ModelFolder`.
        count: Integer, the number of images in each group.
        evaluation: The content of `evaluation.json`, if it exists.

    Returns:
        A dictionary: `"groups"`, dictionaries from the name of a group to its
        images; `"keys"`, the scales and patterns; `"figure_1"`; `"lost"`, the number
        of images of the evaluation that the data set does not have.

    Raises:
        FileNotFoundError: If the data set is missing.
        ValueError: If an image cannot be read, or the data set has other classes.
    """
    folder.check_data()
    images = evaluation_images(
        None, folder.recipe.data, folder.labels, folder.preprocessing, None,
        folder.recipe.seed,
    )  # fmt: skip
    every = list(images.split.paths) or [str(i) for i in range(images.split.count)]
    chosen = {"first": images.first_names(count, folder.preprocessing)}
    for group in ("wrong", "least_sure"):
        kept = (evaluation or {}).get(group, ())
        chosen[group] = [one["name"] for one in kept[:count]]
    names = list(dict.fromkeys(name for group in chosen.values() for name in group))
    known = set(every)
    found = [name for name in names if name in known]
    shown, keys = _explained(folder, images, found)
    return {
        "groups": {
            group: [shown[name] for name in names if name in known]
            for group, names in chosen.items()
        },
        "keys": keys,
        "figure_1": [shown[name] for name in chosen["first"][:FIGURE_1_IMAGES]],
        "lost": len(names) - len(found),
    }


def _explained(folder, images, names):
    """Return what to show of each image, by name, and the keys of the colours."""
    modules = attention_modules(folder.model)
    stages = choose_modules(modules, _first_of_each_stage(modules))
    read = _read_images(images, names, folder)

    def batches() -> Iterator[Array]:
        for start in range(0, len(read), BATCH):
            yield folder.preprocessing.standardize(
                np.stack([picture for picture, _ in read[start : start + BATCH]])
            ).numpy()

    reference = find_reference(folder.model, stages, batches())
    explanations = explain_modules(folder.model, modules, stages, batches())
    each = (
        select_image(explanation, i)
        for explanation in explanations
        for i in range(len(explanation.outputs))
    )
    shown = {}
    for name, (pixels, label), one in zip(names, read, each, strict=True):
        best = int(one.outputs[0].argmax())
        shown[name] = {
            "name": name.replace("\\", "/").rpartition("/")[2],
            "label": label,
            "predicted": folder.labels[best],
            "right": label == folder.labels[best],
            "probability": float(one.outputs[0, best]),
            "image": _image(pixels),
            "maps": _maps(one, reference.scales, reference.patterns),
            "triptychs": _triptychs(one),
        }
    keys = {
        name: amplification_scale(scale) + pattern_key(reference.patterns[name])
        for name, scale in reference.scales.items()
    }
    return shown, keys


def _image(pixels: Array) -> str:
    height, width = pixels.shape[:2]
    shown = pixels.round().clip(0, 255).astype("uint8")
    picture = pictures.picture(shown, "The image", compact=True)
    return pictures.figure(picture, "image", f"seen at {width} x {height}")


def _read_images(
    images: EvaluationImages, names: Sequence[str], folder: ModelFolder
) -> list[tuple[Array, str]]:
    """Return the images with these names at the network's size, and their labels."""
    split, resize = images.split, folder.preprocessing.resize
    if split.paths:
        labels = dict(zip(split.paths, split.path_labels, strict=True))
        read = read_pictures(names, folder.preprocessing)
        found = {
            name: (picture, labels[name])
            for name, picture in zip(names, read, strict=True)
        }
    else:
        wanted = {int(name) for name in names}
        pairs = enumerate(split.images.take(max(wanted, default=-1) + 1))
        found = {str(i): (image, int(n)) for i, (image, n) in pairs if i in wanted}
    return [
        (np.asarray(resize(tf.cast(image, tf.float32))), images.labels[number])
        for image, number in (found[name] for name in names)
    ]


def _maps(
    explanation: Explanation,
    scales: Mapping[str, Scale],
    bases: Mapping[str, PatternBasis],
) -> list[str]:
    """Return the amplification and the patterns of each module, as HTML."""
    shown = []
    for name, scale in scales.items():
        values = explanation.amplification[name][0]
        title = f"{name.replace('_', ' ')}: amplification"
        shown.append(amplification_picture(values, scale, title))
        found = apply_patterns(explanation.channel_masks[name], bases[name])
        title = f"{name.replace('_', ' ')}: mask patterns"
        shown.append(pattern_picture(found.maps[0], bases[name], title))
    return shown


def _triptychs(explanation: Explanation) -> list[dict[str, str]]:
    shown = []
    for name, one in explanation.triptychs.items():
        which = "all channels" if one.channels is None else f"channel {one.channels[0]}"
        shown.append(
            {"name": name, "html": triptych_pictures(one, which, compact=True)}
        )
    return shown


def _first_of_each_stage(modules):
    """Return the name of the first module of each stage: some networks have dozens."""
    stages: dict[str, str] = {}
    for name in modules:
        stages.setdefault(name.partition("_")[0], name)
    return list(stages.values())
