"""The contents of the page of `keras-resattn explore`, as HTML."""

import html
from pathlib import Path

from keras_resattn.explain import pictures
from keras_resattn.explain.channels import ALL
from keras_resattn.explain.map_pictures import amplification_picture
from keras_resattn.explain.map_pictures import amplification_scale
from keras_resattn.explain.map_pictures import pattern_key
from keras_resattn.explain.map_pictures import pattern_picture
from keras_resattn.explain.map_pictures import triptych_pictures
from keras_resattn.explain.scales import EVIDENCE_COLORS
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import range_text
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

    def overview(self, image: ExploredImage) -> str:
        """Return the HTML of what each module amplifies, and of its mask patterns."""
        reference = self.explorer.reference(image)
        parts = []
        for module in self.explorer.channels:
            scale, basis = reference.scales[module], reference.patterns[module]
            amplified = self.explorer.amplification(image, module)
            maps = self.explorer.patterns(image, module).maps[0]
            shown = [
                amplification_picture(amplified, scale, f"{module}: amplification"),
                pattern_picture(maps, basis, f"{module}: mask patterns"),
            ]
            keys = amplification_scale(scale), pattern_key(basis)
            pairs = zip(shown, keys, strict=True)
            parts += [f"<div>{picture}{key}</div>" for picture, key in pairs]
        count = reference.images
        shared = self.explorer.shared_reference is not None
        where = f"{count} example images" if shared else "this image"
        found = f"<p>The patterns and the scales were found in {where}.</p>"
        return f'<div class="overview">{"".join(parts)}</div>{found}'

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
        which, values = self._channel(module, channel), range_text(mask)
        values = values.replace("\n", " ")
        limits = _limits(mask) if stretch else self._mask_limits(image)
        colors = pictures.colors(mask[0], limits)
        text = f"Mask of {module} over the image, {which}, {values}"
        shown = pictures.over(_grey(image.pixels), colors, text)
        return pictures.figure(shown, module, which, values)

    def triptych(self, image: ExploredImage, module: str, channel: int) -> str:
        """Return the HTML of a feature, its mask and the feature after it.

        Args:
            image: An `ExploredImage`.
            module: String, the name of an attention module.
            channel: Integer, the index of the channel, or `MEAN`.
        """
        triptych = self._triptych(image, module, channel)
        which = self._channel(module, channel)
        return triptych_pictures(triptych, which, self._mask_limits(image))

    def evidence(self, path: str | Path, number: int) -> str:
        """Return the HTML of the Grad-CAM of an image file for a class."""
        label = self.explorer.labels[number]
        values = self.explorer.evidence(path, number)
        colors = pictures.colors(values, color_map=EVIDENCE_COLORS)
        text = f"Grad-CAM over the image: evidence for {label}"
        shown = pictures.over(_grey(self.explorer.look(path).pixels), colors, text)
        scale = pictures.scale("Evidence", ("least", "most"), EVIDENCE_COLORS)
        lines = [f"evidence for {label}"]
        if not values.any():
            lines = [f"no evidence for {label}: no position raises its score"]
        return pictures.figure(shown, "Grad-CAM", *lines) + scale

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


def _grey(pixels):
    """Return an image without colours, because the colours over it are values."""
    return pixels.mean(axis=-1, keepdims=True).round().astype("uint8")
