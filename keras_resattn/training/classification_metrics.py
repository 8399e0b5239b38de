"""Metrics of a classifier on labelled images, from its probabilities."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_resattn.typing import Array

BINS = 15
USUAL = 0.95  # the share of test images whose confidence is called usual


@dataclasses.dataclass(frozen=True)
class ClassResult:
    """The results of a class. A share of nothing is `None`.

    Attributes:
        label: The name of the class.
        images: The number of its images.
        precision: Of the images predicted as this class, the share that is of it.
        recall: Of the images of this class, the share that is predicted as it.
        f1: The harmonic mean of precision and recall.
    """

    label: str
    images: int
    precision: float | None
    recall: float | None
    f1: float | None


def confusion_matrix(truth: Array, predicted: Array, classes: int) -> Array:
    """Return counts of images by true class (rows) and predicted class (columns).

    Args:
        truth: An int64 array `(n,)`, the numbers of the classes.
        predicted: An int64 array `(n,)`.
        classes: Integer, the number of classes.

    Returns:
        An int64 array `(classes, classes)`.
    """
    counts = np.bincount(truth * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes)


def class_results(confusion: Array, labels: Sequence[str]) -> list[ClassResult]:
    """Return the precision, the recall and F1 of each class.

    Args:
        confusion: A `confusion_matrix`.
        labels: The names of the classes.
    """
    right, images = np.diagonal(confusion), confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    return [
        ClassResult(
            label,
            int(images[i]),
            _share(right[i], predicted[i]),
            _share(right[i], images[i]),
            _share(2 * right[i], predicted[i] + images[i]),
        )
        for i, label in enumerate(labels)
    ]


def top_accuracy(truth: Array, probabilities: Array, count: int) -> float:
    """Return the share of images whose class is one of the most probable ones.

    Of equal probabilities, that of the earlier class counts as the higher one, as in
    `argmax`.

    Args:
        truth: An int64 array `(n,)`, the numbers of the classes.
        probabilities: A float array `(n, classes)`.
        count: Integer, the number of most probable classes.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return float(np.mean((best == truth[:, None]).any(axis=1)))


@dataclasses.dataclass(frozen=True)
class CalibrationBin:
    """The images of one bin of the probability of the predicted class.

    Attributes:
        images: The number of images in the bin.
        probability: The mean probability of their predicted classes.
        accuracy: The share of them that is predicted right.
    """

    images: int
    probability: float
    accuracy: float


def calibration_bins(
    truth: Array, probabilities: Array, bins: int = BINS
) -> list[CalibrationBin]:
    """Put images into bins of equal width by the probability of the predicted class.

    Args:
        truth: An int64 array `(n,)`, the numbers of the classes.
        probabilities: A float array `(n, classes)`.
        bins: Integer, the number of bins.

    Returns:
        The bins with images, from the lowest probability to the highest.
    """
    confidence = probabilities.max(axis=1).astype("float64")
    right = probabilities.argmax(axis=1) == truth
    # The bins are ((m - 1) / bins, m / bins].
    numbers = np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype("int64")
    chosen = [numbers == number for number in range(bins)]
    return [
        CalibrationBin(
            int(one.sum()), float(confidence[one].mean()), float(right[one].mean())
        )
        for one in chosen
        if one.any()
    ]


def usual_confidence(probabilities: Array) -> float:
    """Return the probability of the predicted class that 95 % of images reach.

    A prediction with a lower probability (the maximum softmax probability) is a sign
    that the image has none of the classes: Hendrycks and Gimpel, ICLR 2017.

    Args:
        probabilities: A float array `(n, classes)` of test images.
    """
    return float(np.quantile(probabilities.max(axis=1), 1 - USUAL))


def calibration_error(truth: Array, probabilities: Array, bins: int = BINS) -> float:
    """Return the expected calibration error.

    The images are put into bins, see `calibration_bins`. The error is the mean over the
    bins, weighted by their number of images, of

        |share of right predictions - mean probability|

    It is 0 if a class that is predicted with probability p is right in a share p of
    all cases. Formula: Guo et al., "On Calibration of Modern Neural Networks", ICML
    2017, equation 3, https://arxiv.org/abs/1706.04599.

    Args:
        truth: An int64 array `(n,)`, the numbers of the classes.
        probabilities: A float array `(n, classes)`.
        bins: Integer, the number of bins, 15 in the paper.
    """
    gaps = [
        one.images * abs(one.accuracy - one.probability)
        for one in calibration_bins(truth, probabilities, bins)
    ]
    return float(sum(gaps) / len(truth))


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
