"""What do the masks do? Accuracy with the masks on, and with others in their place."""

import csv
import json
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_resattn.model_folder import write_beside
from keras_resattn.version import __version__
from keras_resattn.views.mask_replacement import MODES
from keras_resattn.views.mask_replacement import with_masks
from keras_resattn.views.modules import attention_modules


class Influence(NamedTuple):
    """How a model does with some masks, and how that differs from its own.

    Attributes:
        masks: `"on"`, the model's own masks, or a mode of
            `keras_resattn.with_masks`.
        module: The module whose masks are replaced; `None`: all.
        seed: Which permutation of the channels; `None` where there is none.
        images: The number of images.
        accuracy: The share of images whose most probable class is right.
        accuracy_difference: `accuracy` less that with the masks on.
        accuracy_standard_error: The standard error of this difference, of pairs:
            the same images under both masks.
        changed: The number of images of which another class is predicted.
        lost: Of how many the class was right with the masks on, and now is not.
        gained: Of how many it was wrong, and now is right.
        loss: The mean cross-entropy, in nats.
        loss_difference: `loss` less that with the masks on.
        loss_standard_error: The standard error of this difference, of pairs.
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
    batches: Iterable,
    modules: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
    from_logits: bool = False,
) -> list[Influence]:
    """Compare a model's own masks with ones, means, shuffled and swapped masks.

    With `"other_image"` an image gets the masks of the one before it (the first
    of all, those of the last in its batch). So give images in a random order:
    in data that is sorted by class, that would be one of the same class.

    The weights, and the statistics of batch normalization, stay those that were
    trained with the masks on. A large loss tells that the network depends on
    its masks, not that another one, trained without, would be worse.

    Example:

    >>> images, labels = keras_resattn.cifar.preprocess_input(images), labels
    >>> model = keras_resattn.cifar.Attention56(weights="cifar10")
    >>> for row in masks_influence(model, [(images, labels)]):
    ...     print(row.masks, row.seed, row.accuracy)

    Args:
        model: A functional `keras.Model` with attention modules, which returns
            probabilities `(N, classes)`.
        batches: What gives pairs: float32 images `(N, H, W, C)`, standardized
            as for `model`, and the integers `(N,)` of their classes. It is read
            once. Only one batch is kept, and five bytes an image and masks.
        modules: Names of modules whose masks are also replaced alone.
        seeds: Integers, the permutations for `"shuffled_channels"`.
        from_logits: Boolean, whether `model` returns logits.

    Returns:
        A list of `Influence`: the masks on, then all modules under each mode,
        then each of `modules`.

    Raises:
        ValueError: If `model` has no attention module or none of such a name,
            if images or labels do not fit it, or if there are too few.
    """
    attention_modules(model)
    variants = [("on", None, None)]
    for module in (None, *modules):
        for mode in MODES:
            shuffled = mode == "shuffled_channels"
            variants += [(mode, module, s) for s in (seeds if shuffled else (None,))]
    network = _side_by_side(model, variants)
    answers = [[] for _ in variants]
    for images, others, labels in _with_others(model, batches):
        outputs = network.predict_on_batch([images, others])
        for answer, output in zip(answers, outputs, strict=True):
            output = np.asarray(output, "float32")
            losses = _losses(labels, output, from_logits)
            predicted = output.argmax(axis=-1)
            answer.append((predicted, predicted == labels, losses))
    answers = [
        [np.concatenate(parts) for parts in zip(*a, strict=True)] for a in answers
    ]
    return [
        _influence(variant, answers[0], answer)
        for variant, answer in zip(variants, answers, strict=True)
    ]


def _side_by_side(model, variants):
    """Return one network on images and others that gives a list of all outputs.

    In one graph, what comes before the first replaced mask is computed once.
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
    """Yield checked images, for each the image before it, and labels."""
    last = None
    for images, labels in batches:
        images, labels = np.asarray(images, "float32"), np.asarray(labels)
        _check_images(model, images)
        _check_labels(model, labels, len(images))
        if last is None and len(images) < 2:
            raise ValueError(
                "Masks are swapped between images; give two or more of them in the "
                f"first batch. Received: {len(images)}"
            )
        before = images[-1:] if last is None else last
        yield images, np.concatenate([before, images[:-1]]), labels
        last = images[-1:]
    if last is None:
        raise ValueError("Give two images or more. Received: no batches")


def _check_images(model, images):
    expected = model.input_shape
    if images.ndim != 4 or any(
        size not in (None, given)
        for size, given in zip(expected[1:], images.shape[1:], strict=True)
    ):
        raise ValueError(
            f"This model takes images of shape {expected}; resize them to fit. "
            f"Received: images of shape {images.shape}"
        )


def _check_labels(model, labels, count):
    classes = model.output_shape[-1]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Labels are integers, one for each of the {count} images. "
            f"Received: an array of {labels.dtype}, of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"Labels are from 0 to {classes - 1}, as this model has {classes} "
            f"classes. Received: labels from {labels.min()} to {labels.max()}"
        )


def _losses(labels, outputs, from_logits):
    """Return the cross-entropy of each image, in nats, float32."""
    sums = outputs.sum(axis=-1)
    if not from_logits and (outputs.min() < 0 or np.abs(sums - 1).max() > 0.02):
        raise ValueError(
            "The loss is that of probabilities, which sum to 1; for a model that "
            "returns logits, pass from_logits=True. "
            f"Received: outputs that sum to {sums[np.abs(sums - 1).argmax()]:.3g}"
        )
    losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits)
    return keras.ops.convert_to_numpy(losses)


def _influence(variant, on, answer):
    """Return the `Influence` of arrays: predicted classes, right or not, losses."""
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


def write_influence(rows, folder, facts):
    """Write `influence.csv` and `influence.json` into a folder.

    Args:
        rows: A list of `Influence`.
        folder: The path of the folder. It is made if it is not there.
        facts: A dictionary of what else the JSON shall say, such as the data.
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
