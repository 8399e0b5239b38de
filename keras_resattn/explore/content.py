"""What stands on the page of `keras-resattn explore`, as HTML, part by part."""

import html

import numpy as np

from keras_resattn.explain.channels import ALL
from keras_resattn.explain.figures.panels import EVIDENCE_COLORS
from keras_resattn.explain.figures.panels import FEATURE_COLORS
from keras_resattn.explain.figures.panels import MASK_COLORS
from keras_resattn.explain.figures.panels import mask_limits
from keras_resattn.explore import pictures

WAITING = "Drop an image, or choose an example."
MEAN = -1  # on a slider, before the channels 0, 1, ...: the mean over all of them


def message(text, role="status"):
    """Return the HTML of a line about what has happened.

    Args:
        text: The line.
        role: `"status"`, or `"alert"` if something is wrong.
    """
    return f'<p role="{role}">{html.escape(text)}</p>'


class Content:
    """The parts of the page.

    Args:
        explorer: The `Explorer` of the model.
    """

    def __init__(self, explorer):
        self.explorer = explorer

    def image(self, image, stretch=False):
        """Return the HTML of an image as the network takes it, and of the masks' scale.

        Args:
            image: An `ExploredImage`.
            stretch: See `mask`.
        """
        height, width = image.pixels.shape[:2]
        shown = pictures.picture(image.pixels, "The image as the network takes it")
        figure = pictures.figure(shown, "image", f"resized to {width} x {height}")
        low, high = self._mask_limits(image)
        ends = ("its lowest", "its highest value") if stretch else (str(low), str(high))
        return figure + pictures.scale("Mask", ends)

    def mask(self, image, module, channel, stretch=False):
        """Return the HTML of a mask over its image.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: Integer, the channel's number, or `MEAN`.
            stretch: Boolean, whether the colours stand for the values from the
                mask's lowest to its highest, in place of 0 to 1 (or -1 to 1, if
                there are negative ones).
        """
        mask = self._triptych(image, module, channel).mask
        which, values = self._channel(module, channel), pictures.value_range(mask)
        limits = _limits(mask) if stretch else self._mask_limits(image)
        colors = pictures.colors(mask[0], limits)
        text = f"Mask of {module} over the image, {which}, {values}"
        shown = pictures.over(image.pixels, colors, text)
        return pictures.figure(shown, module, which, values)

    def triptych(self, image, module, channel):
        """Return the HTML of a feature, its mask and the feature after it.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: Integer, the channel's number, or `MEAN`.
        """
        before, mask, after = self._triptych(image, module, channel)[:3]
        limits = _limits(np.stack([before, after]))  # both on one scale
        which = self._channel(module, channel)
        shown = [
            _map(before[0], limits, FEATURE_COLORS, "feature before the mask", which),
            _map(mask[0], self._mask_limits(image), MASK_COLORS, "mask", which),
            _map(after[0], limits, FEATURE_COLORS, "feature after the mask", which),
        ]
        scale = pictures.scale("Features", limits, FEATURE_COLORS)
        return f'<div class="triptych">{"".join(shown)}</div>{scale}'

    def evidence(self, path, number):
        """Return the HTML of a file's Grad-CAM for a class, by its number."""
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
