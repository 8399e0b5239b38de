"""Weights files: whether they can be had, and loading them into a network."""

import os
import zipfile

import keras


def check_weights(weights, include_top=True, classifier_activation="softmax"):
    """Raise a `ValueError` if the argument `weights` of a network is wrong.

    Args:
        weights: `None` or the path to a weights file.
        include_top: Boolean, whether the network has a classifier.
        classifier_activation: The activation of the classifier.
    """
    if weights is None:
        return
    if not os.path.isfile(weights):
        raise ValueError(
            "`weights` must be None (random initialization) or the path to a "
            "weights file (.weights.h5 or .keras). No weights of this network "
            f"have been published by name. Received: weights={weights}"
        )
    allowed = {keras.activations.softmax, keras.activations.linear}
    if include_top and keras.activations.get(classifier_activation) not in allowed:
        raise ValueError(
            "With weights from a file, `classifier_activation` must be "
            "'softmax' or None. "
            f"Received: classifier_activation={classifier_activation}"
        )


def load_weights(model, weights):
    """Load a weights file into a model, or say why it does not fit.

    Args:
        model: A `keras.Model`.
        weights: The path to a `.weights.h5` or `.keras` file.

    Raises:
        ValueError: If the file is none of these or holds other weights.
    """
    try:
        model.load_weights(weights)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"These weights do not fit the network '{model.name}' with input "
            f"{model.input_shape} and output {model.output_shape}: {reason} "
            f"Received: weights={weights}"
        ) from error
