"""The figures of explained images, and the page that shows them."""

from keras_resattn.explain.animation import module_animation
from keras_resattn.explain.arrays import reader
from keras_resattn.explain.channels import TEXTS
from keras_resattn.explain.figures.channel_grid import channel_grid_figure
from keras_resattn.explain.figures.channel_grid import channel_pages
from keras_resattn.explain.figures.mask_overlays import METHOD_NAMES
from keras_resattn.explain.figures.mask_overlays import STYLES
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.triptych import triptych_figure
from keras_resattn.explain.pages import image_source
from keras_resattn.explain.pages import png
from keras_resattn.explain.pages import write_page
from keras_resattn.layers.arguments import choice
from keras_resattn.model_folder import write_beside
from keras_resattn.version import __version__
from keras_resattn.views.modules import attention_modules

ANIMATIONS = {"gif": ".gif", "png": ".apng"}
# A page of thousands of figures would open nowhere: the files have them all.
SHOWN = 50
TOP = 3
DPI = 110


class ImagePage:
    """Draws the figures of images, batch by batch, then writes their page.

    Args:
        folder: The `ModelFolder`.
        paths: The paths of all images.
        out: The folder of the figures.
        style: How to draw masks, see `mask_figure`.
        stretch: Boolean, see `mask_figure`.
        channel_grid: Boolean, whether to draw every channel.
        animation: `"gif"`, `"png"` or `None`.
        label: The class that evidence is for, or `None`: the most probable.
    """

    def __init__(
        self, folder, paths, out, style, stretch, channel_grid, animation, label
    ):
        self.folder, self.paths, self.out = folder, paths, out
        self.style = choice("style", style, STYLES)
        self.stretch = stretch
        self.read_masks = _mask_reader(folder.model) if channel_grid else None
        self.animation = choice("animation", animation, [*ANIMATIONS, None])
        self.label = label
        self.names = iter(_unlike_names(paths))
        self.sections, self.rule, self.evidence = [], None, ()

    def add(self, pictures, inputs, explanation):
        """Draw a batch.

        Args:
            pictures: A list of arrays `(H, W, C)` of pixel values, 0 to 255.
            inputs: What the network got for them.
            explanation: Their `Explanation`.
        """
        first = next(iter(explanation.triptychs.values()))
        self.rule, self.evidence = first.rule, tuple(explanation.evidence)
        for i, picture in enumerate(pictures):
            one = _of_image(explanation, i)
            name = next(self.names)
            self._add_image(name, picture, one)
            if self.read_masks:
                self._draw_channels(name, inputs[i : i + 1], one.triptychs)

    def write(self, path):
        """Write the page; return its path."""
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
            beside=self._beside(),
            sections=self.sections,
            left_out=len(self.paths) - len(self.sections),
        )
        return path

    def _beside(self):
        """Tell of the files that the page does not show."""
        kinds = []
        if self.read_masks:
            kinds.append("every channel, as NAME.MODULE.channels-PAGE.png")
        if self.animation:
            name = f"NAME.modules{ANIMATIONS[self.animation]}"
            kinds.append(f"an animation through the modules, as {name}")
        return kinds

    def _add_image(self, name, picture, explanation):
        ranked = self._ranked(explanation.outputs[0])
        titles = [f"{name}\nseen as {ranked[0][0]}, {ranked[0][1]:.0%}"]
        drawn = mask_figure(
            [picture],
            explanation.masks,
            titles,
            style=self.style,
            stretch=self.stretch,
            evidence=explanation.evidence,
        )
        triptychs = list(explanation.triptychs.values())
        figures = {
            "masks": self._save(f"{name}.masks.png", drawn),
            "triptych": self._save(
                f"{name}.triptych.png", triptych_figure([picture], triptychs, [name])
            ),
        }
        if self.animation:
            path = self.out / f"{name}.modules{ANIMATIONS[self.animation]}"
            options = {"stretch": self.stretch}
            module_animation([picture], explanation.masks, path, titles, **options)
        if len(self.sections) < SHOWN:
            sources = {kind: image_source(figure) for kind, figure in figures.items()}
            self.sections.append({"name": name, "ranked": ranked, **sources})

    def _ranked(self, probabilities):
        """Return the most probable classes of an image with their probabilities."""
        labels = self.folder.labels
        return [
            (labels[i], float(probabilities[i]))
            for i in (-probabilities).argsort()[:TOP]
        ]

    def _draw_channels(self, name, inputs, modules):
        masks = self.read_masks(inputs)
        for module in modules:
            (mask,) = masks[module]
            for page in range(1, channel_pages(mask.shape[-1]) + 1):
                figure = channel_grid_figure(mask, module, page)
                self._save(f"{name}.{module}.channels-{page}.png", figure)

    def _save(self, name, figure):
        """Write a figure as PNG; return its bytes."""
        content = png(figure, DPI)
        write_beside(self.out / name, lambda beside: beside.write_bytes(content))
        return content


def _mask_reader(model):
    modules = attention_modules(model)
    return reader(model, {name: part.mask for name, part in modules.items()})


def _of_image(explanation, i):
    """Return the explanation of one image of a batch, as a batch of one."""
    one = slice(i, i + 1)
    triptychs = {
        name: triptych._replace(
            before=triptych.before[one],
            mask=triptych.mask[one],
            after=triptych.after[one],
            channels=None if triptych.channels is None else triptych.channels[one],
        )
        for name, triptych in explanation.triptychs.items()
    }
    return explanation._replace(
        outputs=explanation.outputs[one],
        masks={name: mask[one] for name, mask in explanation.masks.items()},
        triptychs=triptychs,
        evidence={name: values[one] for name, values in explanation.evidence.items()},
    )


def _unlike_names(paths):
    """Return the paths' names without extensions, numbered where they are alike."""
    names, stems = [], {path.stem for path in paths}
    for path in paths:
        name, number = path.stem, 2
        while name in names or (number > 2 and name in stems):
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names
