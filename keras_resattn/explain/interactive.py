"""One HTML file to explore the masks of images without a server."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from keras_resattn.explain import pictures
from keras_resattn.explain.explanation import Explanation
from keras_resattn.explain.explanation import select_image
from keras_resattn.explain.pages import write_page
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.reference import Reference
from keras_resattn.explain.scales import DIVERGING_COLORS
from keras_resattn.explain.scales import MASK_COLORS
from keras_resattn.explain.scales import PAPER
from keras_resattn.explain.scales import mask_limits
from keras_resattn.explain.scales import pattern_color
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.version import __version__

# Each channel of each mask is in the file: up to 3 MB per image of 224 x 224 pixels.
IMAGES = 8
LEVELS = 255
TOP = 3


class InteractivePage:
    """Collect what the page shows, batch by batch, and write it at the end.

    Args:
        folder: The `ModelFolder`.
        names: The names of all images. The page has the first 8 of them.
        reference: The `Reference` of all images.
    """

    def __init__(
        self, folder: ModelFolder, names: Sequence[str], reference: Reference
    ) -> None:
        self.folder, self.names, self.reference = folder, names, reference
        self.images: list[dict[str, Any]] = []
        self.error = 0.0  # the largest possible error of a mask by rounding

    def add(self, images: Sequence[Array], explanation: Explanation) -> None:
        """Add the images of a batch, up to the number that the page has.

        Args:
            images: A list of arrays `(H, W, C)` of pixel values, 0 to 255.
            explanation: Their `Explanation`.
        """
        for i, image in enumerate(images[: IMAGES - len(self.images)]):
            one = select_image(explanation, i)
            shown = np.asarray(image).round().clip(0, 255).astype("uint8")
            best = (-one.outputs[0]).argsort()[:TOP]
            labels = self.folder.labels
            self.images.append(
                {
                    "name": self.names[len(self.images)],
                    "classes": [[labels[j], float(one.outputs[0, j])] for j in best],
                    "source": pictures.source(shown),
                    "modules": {name: self._maps(name, one) for name in one.triptychs},
                }
            )

    def _maps(self, name: str, explanation: Explanation) -> dict[str, Any]:
        mask = explanation.channel_masks[name]
        limits = mask_limits([mask])
        self.error = max(self.error, (limits[1] - limits[0]) / LEVELS / 2)
        maps = apply_patterns(mask, self.reference.patterns[name]).maps[0]
        top = float(maps.max())
        return {
            "size": mask.shape[1:],
            "mask": {"limits": limits, "values": quantized(mask[0], limits)},
            "patterns": {"limits": (0, top), "values": quantized(maps, (0, top))},
            "amplification": _rounded(explanation.amplification[name][0]),
            "channel": int(np.argmax(mask[0].var(axis=(0, 1)))),
        }

    def write(self, path: Path) -> Path:
        """Write the page and return its path."""
        modules = {
            name: {
                "scale": scale.limits,
                "strong": self.reference.patterns[name].strong,
                "shares": self.reference.patterns[name].shares.tolist(),
            }
            for name, scale in self.reference.scales.items()
        }
        count = max(len(one["shares"]) for one in modules.values())
        content = {
            "images": self.images,
            "modules": modules,
            "paper": PAPER,
            "hues": [pattern_color(k) for k in range(count)],
            "maskColors": _color_table(MASK_COLORS),
            "amplificationColors": _color_table(DIVERGING_COLORS),
        }
        data = json.dumps(content, ensure_ascii=False, allow_nan=False)
        write_page(
            path,
            "interactive.html",
            version=__version__,
            model=self.folder.path.name,
            network=self.folder.recipe.network.name,
            modules=list(modules),
            patterns=count,
            images=[image["name"] for image in self.images],
            left_out=len(self.names) - len(self.images),
            error=self.error,
            data=data.replace("<", "\\u003c"),  # a label must not end the script
            script=Path(__file__).with_name("interactive.js").read_text("utf-8"),
        )
        return path


def quantized(values: Array, limits: tuple[float, float]) -> str:
    """Return values rounded to 255 steps between limits, uint8 in base64.

    A value `q` means `low + (high - low) * q / 255`. The first axes are rows and
    columns; the last axis comes first in the bytes.

    Args:
        values: A float array `(h, w, C)` with values between the limits.
        limits: The values of 0 and of 255.
    """
    low, high = limits
    scaled = (np.moveaxis(values, -1, 0) - low) / max(high - low, 1e-12)
    steps = np.round(LEVELS * np.clip(scaled, 0, 1)).astype("uint8")
    return base64.b64encode(steps.tobytes()).decode()


def _rounded(values):
    """Return the values row by row with three decimals; `None` without a feature."""
    return [round(float(x), 3) if np.isfinite(x) else None for x in values.ravel()]


def _color_table(name):
    return matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3].tolist()
