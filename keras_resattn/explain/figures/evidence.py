"""Draw masks and class evidence side by side, in one call."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
from matplotlib.figure import Figure

from keras_resattn.explain.arrays import mean_masks
from keras_resattn.explain.evidence import METHODS
from keras_resattn.explain.evidence import check_methods
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.panels import Images
from keras_resattn.typing import Array


def evidence_figure(
    images: Images,
    masks: Mapping[str, Array] | None = None,
    evidence: Mapping[str, Array] | Sequence[str] | None = None,
    model: keras.Model | None = None,
    inputs: Array | None = None,
    titles: Sequence[str] | None = None,
    **options: Any,
) -> Figure:
    """Draw images, their masks and the evidence for a class, side by side.

    Masks and evidence that you do not pass are computed from `model` and `inputs`.
    The caption states that a mask is not evidence for a class.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> evidence_figure(images, model=folder.model, inputs=inputs).savefig("shirt.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`.
            Computed by default, for all modules.
        evidence: A dictionary from methods to arrays `(N, H, W)`, or a list of
            methods of `class_evidence` to compute. Defaults to all methods.
        model: A functional `keras.Model`. Needed to compute anything.
        inputs: A float32 array `(N, H, W, C)`, the `images` standardized as for
            `model`. Needed to compute anything.
        titles: Optional list of strings, one per image.
        **options: Further arguments of `mask_figure`, such as `opacity`.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ImportError: If evidence must be computed, and tf-keras-vis is not installed.
        ValueError: If something must be computed, and `model` or `inputs` is missing.
    """
    maps: Mapping[str, Array] = {}
    methods: Sequence[str] = ()
    if isinstance(evidence, Mapping):
        maps = evidence
    else:
        methods = METHODS if evidence is None else evidence
    check_methods(methods)
    if masks is None or methods:
        if model is None or inputs is None:
            raise ValueError(
                "To compute masks or evidence, pass `model` and `inputs`. Otherwise "
                "pass arrays as `masks` and `evidence`. Received: "
                f"model={model!r}, inputs={None if inputs is None else 'an array'}"
            )
        masks = mean_masks(model, inputs) if masks is None else masks
        if methods:
            maps = {name: class_evidence(model, inputs, name) for name in methods}
    return mask_figure(images, masks, titles, evidence=maps, **options)
