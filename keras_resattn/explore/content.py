"""The contents of the page of `keras-resattn explore`, as HTML."""

import html
from pathlib import Path

import numpy as np

from keras_resattn.explain import pictures
from keras_resattn.explain.channels import ALL
from keras_resattn.explain.figures.scales import EVIDENCE_COLORS
from keras_resattn.explain.figures.scales import FEATURE_COLORS
from keras_resattn.explain.figures.scales import MASK_COLORS
from keras_resattn.explain.figures.scales import mask_limits
from keras_resattn.explore.explorer import ExploredImage
from keras_resattn.explore.explorer import Explorer

WAITING = "Drop an image, or choose an example."
MEAN = -1  # the position of the mean over all channels on a slider


def message(text: str, role: str = "status") -> str:
    """Return the HTML of a status line.

    Args:
        text: The line.
        role: `"status"`, or `"alert"` for an error.
    """
    return f'<p role="{role}">{html.escape(text)}</p>'


class Content:
    """The parts of the page.

    Args:
        explorer: The `Explorer` of the model.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer

    def image(self, image: ExploredImage, stretch: bool = False) -> str:
        """Return the HTML of an image at the network's size, and of the mask scale.

        Args:
            image: An `ExploredImage`.
            stretch: See `mask`.
        """
        height, width = image.pixels.shape[:2]
        shown = pictures.picture(image.pixels, "The image at the size of the network")
        figure = pictures.figure(shown, "image", f"resized to {width} x {height}")
        low, high = self._mask_limits(image)
        ends = ("lowest value", "highest value") if stretch else (str(low), str(high))
        return figure + pictures.scale("Mask", ends)

    def mask(
        self, image: ExploredImage, module: str, channel: int, stretch: bool = False
    ) -> str:
        """Return the HTML of a mask over its image.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: Integer, the index of the channel, or `MEAN`.
            stretch: Boolean, whether to stretch the colours to the lowest and
                highest value of the mask. Otherwise they show 0 to 1 (-1 to 1 if a
                mask has negative values).
        """
        mask = self._triptych(image, module, channel).mask
        which, values = self._channel(module, channel), pictures.value_range(mask)
        limits = _limits(mask) if stretch else self._mask_limits(image)
        colors = pictures.colors(mask[0], limits)
        text = f"Mask of {module} over the image, {which}, {values}"
        shown = pictures.over(image.pixels, colors, text)
        return pictures.figure(shown, module, which, values)

    def triptych(self, image: ExploredImage, module: str, channel: int) -> str:
        """Return the HTML of a feature, its mask and the feature after it.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: Integer, the index of the channel, or `MEAN`.
        """
        before, mask, after = self._triptych(image, module, channel)[:3]
        limits = _limits(np.stack([before, after]))  # one scale for both
        which = self._channel(module, channel)
        shown = [
            _map(before[0], limits, FEATURE_COLORS, "feature before the mask", which),
            _map(mask[0], self._mask_limits(image), MASK_COLORS, "mask", which),
            _map(after[0], limits, FEATURE_COLORS, "feature after the mask", which),
        ]
        scale = pictures.scale("Features", limits, FEATURE_COLORS)
        return f'<div class="triptych">{"".join(shown)}</div>{scale}'

    def evidence(self, path: str | Path, number: int) -> str:
        """Return the HTML of the Grad-CAM of an image file for a class."""
        label = self.explorer.labels[number]
        colors = pictures.colors(
            self.explorer.evidence(path, number), color_map=EVIDENCE_COLORS
        )
        text = f"Grad-CAM over the image: evidence for {label}"
        shown = pictures.over(self.explorer.look(path).pixels, colors, text)
        scale = pictures.scale("Evidence", ("least", "most"), EVIDENCE_COLORS)
        return pictures.figure(shown, "Grad-CAM", f"evidence for {label}") + scale

    def _triptych(self, image, module, channel):
        channel = ALL if channel == MEAN else channel
        return self.explorer.triptych(image, module, channel)

    def _mask_limits(self, image):
        masks = (image.features[f"{name}/mask"] for name in self.explorer.channels)
        return mask_limits(masks)

    def _channel(self, module, channel):
        count = self.explorer.channels[module]
        if channel == MEAN:
            return f"mean over {count} channels"
        return f"channel {channel} of 0 to {count - 1}"


def _limits(values):
    return float(values.min()), float(values.max())


def _map(values, limits, color_map, title, which):
    colors = pictures.colors(values, limits, color_map)
    shown = pictures.value_range(values)
    picture = pictures.picture(colors, f"{title}, {which}, {shown}", "cells")
    return pictures.figure(picture, title, which, shown)
