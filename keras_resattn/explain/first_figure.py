"""The first figure of an image, `NAME.masks.png`, of `masks` and of `explain`."""

from matplotlib.figure import Figure

from keras_resattn.explain.explanation import Explanation
from keras_resattn.explain.figures.attention import attention_figure
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.patterns import MaskPatterns
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.reference import Reference
from keras_resattn.typing import Array

VIEWS = ("attention", "amplification", "patterns", "mean")
DPI = 110


def first_figure(
    picture: Array,
    explanation: Explanation,
    title: str,
    view: str = "attention",
    reference: Reference | None = None,
    style: str = "overlay",
    stretch: bool = False,
) -> Figure:
    """Draw what the attention modules do with an image.

    Args:
        picture: The image as it is shown, an array `(h, w, C)`.
        explanation: Its `Explanation`, a batch of one.
        title: String, the title of the image.
        view: One of `VIEWS`, see `write_explanations`.
        reference: The `Reference` of all images; `None` with the view `"mean"`.
        style: With the view `"mean"`, see `mask_figure`.
        stretch: Boolean. With the view `"mean"`, see `mask_figure`.
    """
    if reference is None:
        masks = explanation.masks
        return mask_figure([picture], masks, [title], style=style, stretch=stretch)
    maps = {} if view == "patterns" else explanation.amplification
    patterns = image_patterns(explanation, view, reference)
    return attention_figure([picture], maps, patterns, [title], reference.scales)


def image_patterns(
    explanation: Explanation, view: str, reference: Reference | None
) -> dict[str, MaskPatterns]:
    """Return the patterns of the masks of an image, none with views without them.

    Args:
        explanation: The `Explanation` of the image, a batch of one.
        view: One of `VIEWS`.
        reference: The `Reference` of all images, or `None`.
    """
    if reference is None or view not in ("attention", "patterns"):
        return {}
    return {
        name: apply_patterns(mask, reference.patterns[name])
        for name, mask in explanation.channel_masks.items()
    }
