"""The figures of explained images, and the page that shows them."""

from collections.abc import Sequence
from pathlib import Path

from keras_resattn.doubt import doubt
from keras_resattn.explain.channels import TEXTS
from keras_resattn.explain.explanation import Explanation
from keras_resattn.explain.explanation import select_image
from keras_resattn.explain.figures.animation import amplification_animation
from keras_resattn.explain.figures.animation import module_animation
from keras_resattn.explain.figures.channel_grid import channel_grid_figure
from keras_resattn.explain.figures.channel_grid import channel_pages
from keras_resattn.explain.figures.mask_overlays import METHOD_NAMES
from keras_resattn.explain.figures.mask_overlays import STYLES
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.patterns import pattern_figure
from keras_resattn.explain.figures.triptych import triptych_figure
from keras_resattn.explain.file_names import unique_names
from keras_resattn.explain.first_figure import DPI
from keras_resattn.explain.first_figure import VIEWS
from keras_resattn.explain.first_figure import first_figure
from keras_resattn.explain.first_figure import image_patterns
from keras_resattn.explain.pages import image_source
from keras_resattn.explain.pages import write_page
from keras_resattn.explain.pages import write_png
from keras_resattn.explain.reference import Reference
from keras_resattn.explain.shown_images import image_title
from keras_resattn.layers.arguments import choice
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import Array
from keras_resattn.version import __version__

ANIMATIONS = {"gif": ".gif", "png": ".apng"}
# Browsers cannot open a page with thousands of figures.
SHOWN = 50
TOP = 3


class ImagePage:
    """Draw the figures of images, batch by batch, and write their page at the end.

    Args:
        folder: The `ModelFolder`.
        paths: The paths of all images.
        out: The folder for the figures.
        style: How to draw masks, see `mask_figure`.
        stretch: Boolean, see `mask_figure`.
        channel_grid: Boolean, whether to draw every channel.
        animation: `"gif"`, `"png"` or `None`.
        label: The class of the evidence, or `None` for the most probable class.
        view: One of `VIEWS`, what the first figure of an image shows.
        reference: The `Reference` of all images; `None` with the view `"mean"`.
    """

    def __init__(
        self,
        folder: ModelFolder,
        paths: Sequence[Path],
        out: Path,
        style: str,
        stretch: bool,
        channel_grid: bool,
        animation: str | None,
        label: str | None,
        view: str,
        reference: Reference | None,
    ) -> None:
        self.folder, self.paths, self.out = folder, paths, out
        self.style = choice("style", style, STYLES)
        self.stretch = stretch
        self.channel_grid = channel_grid
        self.animation = choice("animation", animation, [*ANIMATIONS, None])
        self.label = label
        self.view = choice("view", view, VIEWS)
        self.reference = reference
        self.names = iter(unique_names(paths))
        self.sections: list[dict] = []
        self.rule = ""
        self.evidence: tuple[str, ...] = ()

    def add(self, pictures: Sequence[Array], explanation: Explanation) -> None:
        """Draw a batch.

        Args:
            pictures: A list of arrays `(H, W, C)` of pixel values, 0 to 255.
            explanation: Their `Explanation`.
        """
        first = next(iter(explanation.triptychs.values()))
        self.rule, self.evidence = first.rule, tuple(explanation.evidence)
        for i, picture in enumerate(pictures):
            one, name = select_image(explanation, i), next(self.names)
            self._add_image(name, picture, one)
            if self.channel_grid:
                self._draw_channels(name, one)

    def write(self, path: Path) -> Path:
        """Write the page and return its path."""
        write_page(
            path,
            "explain.html",
            version=__version__,
            model=self.folder.path.name,
            network=self.folder.recipe.network.name,
            rule=self.rule,
            rule_text=TEXTS[self.rule],
            evidence=", ".join(METHOD_NAMES[method] for method in self.evidence),
            label=self.label,
            stretch=self.stretch,
            view=self.view,
            reference=self.reference.images if self.reference else 0,
            count=len(self.paths),
            other_files=self._other_files(),
            sections=self.sections,
            left_out=len(self.paths) - len(self.sections),
        )
        return path

    def _other_files(self):
        """Return descriptions of the files that the page does not show."""
        kinds = []
        if self.channel_grid:
            kinds.append("every channel: NAME.MODULE.channels-PAGE.png")
            if self.reference and self.view != "amplification":
                kinds.append("every mask pattern: NAME.MODULE.patterns.png")
        if self.animation:
            name = f"NAME.modules{ANIMATIONS[self.animation]}"
            kinds.append(f"an animation over the modules: {name}")
        return kinds

    def _add_image(self, name, picture, explanation):
        ranked = self._ranked(explanation.outputs[0])
        notice = doubt(ranked[0][1], self.folder.usual_confidence)
        titles = [image_title(self.folder, name, picture, explanation.outputs[0])]
        options = (self.view, self.reference, self.style, self.stretch)
        drawn = first_figure(picture, explanation, *titles, *options)
        triptychs = list(explanation.triptychs.values())
        if self.channel_grid:
            patterns = image_patterns(explanation, self.view, self.reference)
            for module, one in patterns.items():
                apart = pattern_figure([picture], one, module, titles)
                self._save(f"{name}.{module}.patterns.png", apart)
        figures = {
            "masks": self._save(f"{name}.masks.png", drawn),
            "triptych": self._save(
                f"{name}.triptych.png", triptych_figure([picture], triptychs, [name])
            ),
        }
        if explanation.evidence:
            drawn = mask_figure([picture], {}, titles, evidence=explanation.evidence)
            figures["evidence"] = self._save(f"{name}.evidence.png", drawn)
        if self.animation:
            path = self.out / f"{name}.modules{ANIMATIONS[self.animation]}"
            self._animate(path, picture, explanation, titles)
        if len(self.sections) < SHOWN:
            sources = {kind: image_source(figure) for kind, figure in figures.items()}
            section = {"name": name, "ranked": ranked, "evidence": None, **sources}
            section["doubt"] = notice
            self.sections.append(section)

    def _animate(self, path, picture, explanation, titles):
        if self.reference is None:
            masks, stretch = explanation.masks, self.stretch
            module_animation([picture], masks, path, titles, stretch=stretch)
        else:
            maps, scales = explanation.amplification, self.reference.scales
            amplification_animation([picture], maps, path, titles, scales=scales)

    def _ranked(self, probabilities):
        """Return the most probable classes of an image with their probabilities."""
        labels = self.folder.labels
        return [
            (labels[i], float(probabilities[i]))
            for i in (-probabilities).argsort()[:TOP]
        ]

    def _draw_channels(self, name, explanation):
        for module, (mask,) in explanation.channel_masks.items():
            for page in range(1, channel_pages(mask.shape[-1]) + 1):
                figure = channel_grid_figure(mask, module, page)
                self._save(f"{name}.{module}.channels-{page}.png", figure)

    def _save(self, name, figure):
        """Write a figure as PNG and return its bytes."""
        return write_png(self.out / name, figure, DPI)
