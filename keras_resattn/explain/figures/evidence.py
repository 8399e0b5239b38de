"""The figure of masks and class evidence side by side, in one call."""

from keras_resattn.explain.arrays import mean_masks
from keras_resattn.explain.evidence import METHODS
from keras_resattn.explain.evidence import class_evidence
from keras_resattn.explain.figures.mask_overlays import mask_figure


def evidence_figure(
    images, masks=None, evidence=None, model=None, inputs=None, titles=None, **options
):
    """Draw images, their masks and the evidence for a class, side by side.

    The caption says that a mask is no evidence for a class. Masks and evidence are
    given, or computed from `model` and `inputs`.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> images = folder.images(["shirt.png"])
    >>> inputs = folder.preprocessing.standardize(images)
    >>> evidence_figure(images, model=folder.model, inputs=inputs).savefig("shirt.png")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`;
            `None` is all of `model`.
        evidence: A dictionary from methods to arrays `(N, H, W)`, or a list of
            methods of `class_evidence` to be computed; `None` is all of them.
        model: A functional `keras.Model`, if anything is to be computed.
        inputs: A float32 array `(N, H, W, C)`, `images` standardized as for
            `model`.
        titles: Optional list of strings, one an image.
        **options: Further arguments of `mask_figure`, such as `opacity`.

    Returns:
        A `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: If something is to be computed without `model` and `inputs`.
    """
    computed = masks is None or not isinstance(evidence, dict)
    if computed and (model is None or inputs is None):
        raise ValueError(
            "Masks and evidence that are not given as arrays are computed: pass "
            f"`model` and `inputs`. Received: model={model!r}, inputs="
            f"{None if inputs is None else 'an array'}"
        )
    if masks is None:
        masks = mean_masks(model, inputs)
    if not isinstance(evidence, dict):
        methods = METHODS if evidence is None else evidence
        evidence = {name: class_evidence(model, inputs, name) for name in methods}
    return mask_figure(images, masks, titles, evidence=evidence, **options)
