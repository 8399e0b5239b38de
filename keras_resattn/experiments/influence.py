"""Compare the accuracy of a network with its own masks and with other masks."""

import csv
import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

import keras
import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn.views.mask_replacement import MODES
from keras_resattn.views.mask_replacement import with_masks

# Masks, module and seed of a row, see `Influence`.
Variant: TypeAlias = tuple[str, str | None, int | None]


class Influence(NamedTuple):
    """The accuracy and loss of a model with some masks, compared with its own masks.

    Attributes:
        masks: `"on"`, the model's own masks, or a mode of
            `keras_resattn.with_masks`.
        module: The module whose masks are replaced. `None` means all.
        seed: The seed of the permutation of the channels. `None` for other modes.
        images: The number of images.
        accuracy: The share of images whose most probable class is right.
        accuracy_difference: `accuracy` minus the accuracy with the masks on.
        accuracy_standard_error: The standard error of this difference, from pairs:
            each image with both masks.
        changed: The number of images with another predicted class.
        lost: The number of images that were right with the masks on and now are wrong.
        gained: The number of images that were wrong with the masks on and now are
            right.
        loss: The mean cross-entropy, in nats.
        loss_difference: `loss` minus the loss with the masks on.
        loss_standard_error: The standard error of this difference, from pairs.
    """

    masks: str
    module: str | None
    seed: int | None
    images: int
    accuracy: float
    accuracy_difference: float
    accuracy_standard_error: float
    changed: int
    lost: int
    gained: int
    loss: float
    loss_difference: float
    loss_standard_error: float


def masks_influence(
    model: keras.Model,
    batches: Iterable[tuple[Array, Array]],
    modules: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
    from_logits: bool = False,
) -> list[Influence]:
    """Compare a model's own masks with ones, means, shuffled and swapped masks.

    With `"other_image"` an image gets the masks of the previous image. (The first
    image gets those of the last image in its batch.) Pass images in random order:
    if they are sorted by class, the previous image has the same class.

    The weights and the statistics of batch normalization were trained with the masks
    on, and do not change. A large loss shows that this network depends on its masks.
    It does not show that a network trained without masks would be worse.

    Example:

    >>> images, labels = keras_resattn.cifar.preprocess_input(images), labels
    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> for row in masks_influence(model, [(images, labels)]):
    ...     print(row.masks, row.seed, row.accuracy)

    Args:
        model: A functional `keras.Model` with attention modules, which returns
            probabilities `(N, classes)`.
        batches: An iterable of pairs: float32 images `(N, H, W, C)`, standardized
            as for `model`, and their classes, integers `(N,)`. It is read once. One
            batch is in memory at a time, plus 13 bytes per image and row.
        modules: Names of modules whose masks are also replaced alone.
        seeds: Integers, the seeds of the permutations for `"shuffled_channels"`.
        from_logits: Boolean, whether `model` returns logits.

    Returns:
        A list of `Influence`: the masks on, then each mode for all modules, then
        each mode for each of `modules`.

    Raises:
        ValueError: If `model` has no attention module, or none with a name in
            `modules`. If images or labels do not fit `model`, or there are fewer
            than two images.
    """
    variants: list[Variant] = [("on", None, None)]
    for module in (None, *modules):
        for mode in MODES:
            shuffled = mode == "shuffled_channels"
            variants += [(mode, module, s) for s in (seeds if shuffled else (None,))]
    network = _side_by_side(model, variants)
    answers: list[list] = [[] for _ in variants]
    for images, others, labels in _with_others(model, batches):
        outputs = network.predict_on_batch([images, others])
        for answer, output in zip(answers, outputs, strict=True):
            output = np.asarray(output, "float32")
            losses = _losses(labels, output, from_logits)
            predicted = output.argmax(axis=-1)
            answer.append((predicted, predicted == labels, losses))
    joined = [
        [np.concatenate(parts) for parts in zip(*a, strict=True)] for a in answers
    ]
    return [
        _influence(variant, joined[0], answer)
        for variant, answer in zip(variants, joined, strict=True)
    ]


def _side_by_side(model, variants):
    """Return one network from images and others to the outputs of all variants.

    In one graph, the layers before the first replaced mask are computed once.
    """
    inputs = [keras.Input(batch_shape=model.input_shape) for _ in range(2)]
    outputs = []
    for i, (mode, module, seed) in enumerate(variants):
        network = model
        if mode != "on":
            network = with_masks(model, mode, seed or 0, module and [module])
        two = len(network.inputs) == 2
        named = keras.Model(network.inputs, network.outputs[0], name=f"variant{i}")
        outputs.append(named(inputs if two else inputs[:1]))
    return keras.Model(inputs, outputs)


def _with_others(model, batches):
    """Yield images, the previous image of each, and labels, all checked."""
    last = None
    for images, labels in batches:
        images, labels = np.asarray(images, "float32"), np.asarray(labels)
        _check_images(model, images)
        _check_labels(model, labels, len(images))
        if last is None and len(images) < 2:
            raise ValueError(
                "Masks are swapped between images, so the first batch must have at "
                f"least two. Received: {len(images)} images"
            )
        before = images[-1:] if last is None else last
        yield images, np.concatenate([before, images[:-1]]), labels
        last = images[-1:]
    if last is None:
        raise ValueError("Pass at least two images. Received: no batches")


def _check_images(model, images):
    expected = model.input_shape
    if images.ndim != 4 or any(
        size not in (None, given)
        for size, given in zip(expected[1:], images.shape[1:], strict=True)
    ):
        raise ValueError(
            f"This model needs images of shape {expected}. Resize them. "
            f"Received: images of shape {images.shape}"
        )


def _check_labels(model, labels, count):
    classes = model.output_shape[-1]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Labels must be {count} integers, one per image. "
            f"Received: an array of {labels.dtype} with shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"Labels must be from 0 to {classes - 1}, because this model has {classes} "
            f"classes. Received: labels from {labels.min()} to {labels.max()}"
        )


def _losses(labels, outputs, from_logits):
    """Return the cross-entropy of each image, in nats, float32."""
    sums = outputs.sum(axis=-1)
    if not from_logits and (outputs.min() < 0 or np.abs(sums - 1).max() > 0.02):
        raise ValueError(
            "The outputs of the model must be probabilities, which sum to 1. If the "
            "model returns logits, pass from_logits=True. "
            f"Received: outputs that sum to {sums[np.abs(sums - 1).argmax()]:.3g}"
        )
    losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits)
    return keras.ops.convert_to_numpy(losses)


def _influence(variant, on, answer):
    """Return the `Influence` for three arrays: classes, whether right, losses."""
    predicted, right, losses = answer
    accuracy = right.astype("float64") - on[1]
    loss = losses.astype("float64") - on[2]
    return Influence(
        *variant,
        images=len(right),
        accuracy=float(right.mean()),
        accuracy_difference=float(accuracy.mean()),
        accuracy_standard_error=_standard_error(accuracy),
        changed=int((predicted != on[0]).sum()),
        lost=int((accuracy < 0).sum()),
        gained=int((accuracy > 0).sum()),
        loss=float(losses.mean(dtype="float64")),
        loss_difference=float(loss.mean()),
        loss_standard_error=_standard_error(loss),
    )


def _standard_error(differences):
    return float(differences.std(ddof=1) / np.sqrt(len(differences)))


def write_influence(
    rows: Sequence[Influence], folder: StrPath, facts: Mapping[str, Any]
) -> None:
    """Write `influence.csv` and `influence.json` into a folder.

    Args:
        rows: A list of `Influence`.
        folder: The path of the folder. It is created if it does not exist.
        facts: A dictionary of further entries of the JSON file, such as the data.
    """
    folder = Path(folder)
    everything = {
        "version": __version__,
        **facts,
        "rows": [row._asdict() for row in rows],
    }
    text = json.dumps(everything, indent=1) + "\n"
    write_beside(folder / "influence.json", lambda path: path.write_text(text))
    write_beside(folder / "influence.csv", lambda path: _write_rows(rows, path))


def _write_rows(rows, path):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Influence._fields)
        writer.writerows(rows)
