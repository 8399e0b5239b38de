"""The page of `keras-resattn explore`: its layout and its events."""

import functools
from collections.abc import Sequence
from typing import Any

import gradio as gr

from keras_resattn.explain.channels import ALL
from keras_resattn.explore.content import MEAN
from keras_resattn.explore.content import WAITING
from keras_resattn.explore.content import Content
from keras_resattn.explore.content import message
from keras_resattn.explore.explorer import ExploredImage
from keras_resattn.explore.explorer import Explorer
from keras_resattn.typing import StrPath

# The value of an upload: a dictionary with the path of the file.
Upload = dict[str, Any] | None

NOT_EVIDENCE = (
    "A mask is not class evidence: it shows which features a module amplifies, for "
    "any class. Grad-CAM shows the positions of the features that raise the score "
    "of one class."
)
OVERVIEW = (
    "For each module: how much it amplifies the features at each position (white is "
    "its mean, red is more, blue is less), and the patterns of its masks, which are "
    "groups of channels whose masks rise and fall together, with their shares of the "
    "variance."
)
# What each rule of `choose_channels` chooses, in a few words.
RULES = {
    ALL: "the mean over all channels",
    "energy": "energy: most mask times feature",
    "variance": "variance: varies most",
    "mean": "mean: highest mean",
    "max": "max: highest value",
    "gradient": "gradient: raises the class most",
}
DEFAULT = "variance"  # the mean over all channels varies little
OPACITY = 0.7
SET_OPACITY = """(opacity) => {
    document.documentElement.style.setProperty("--opacity", opacity);
}"""
# Only fonts of the system, because no font is downloaded.
THEME = gr.themes.Default(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
)
EVENT = {
    "preprocess": False,  # Gradio would decode the files differently
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "concurrency_id": "network",
    "concurrency_limit": 1,
    "api_visibility": "private",
}


def build_page(
    explorer: Explorer, name: str, examples: Sequence[StrPath] = ()
) -> gr.Blocks:
    """Return the page, a `gradio.Blocks` that is not served yet.

    Args:
        explorer: The `Explorer` of the model.
        name: String, the name of the model.
        examples: Paths of images to choose from.
    """
    title = f"Attention masks of {name}"
    with gr.Blocks(analytics_enabled=False, title=title) as page:
        gr.Markdown(f"# {title}")
        _Page(explorer, examples)
    return page


class _Page:
    """The components of the page and the handlers of their events."""

    def __init__(self, explorer: Explorer, examples: Sequence[StrPath]) -> None:
        self.explorer = explorer
        self.content = Content(explorer)
        self.modules = list(explorer.channels)
        with gr.Row():
            self._add_image(examples)
        # Hidden without an image, because nothing in it works.
        with gr.Column(visible=False) as self.shown:
            gr.Markdown(f"## What the masks do\n\n{OVERVIEW}")
            self.overview = gr.HTML()
            gr.Markdown("## Masks, channel by channel")
            self._add_masks()
            with gr.Row():
                with gr.Column(scale=3, min_width=300):
                    self._add_triptych()
                with gr.Column(scale=1, min_width=240):
                    self._add_evidence()
        self._listen()

    # === Layout ===

    def _add_image(self, examples):
        with gr.Column(min_width=260):
            self.upload = gr.Image(
                label="Image",
                type="filepath",
                sources=["upload", "clipboard"],
                buttons=[],
                height=240,
                elem_id="image",
            )
            if examples:
                files = [str(path) for path in examples]
                gr.Examples(files, self.upload, label="Examples")
        with gr.Column(min_width=260):
            self.message = gr.HTML(message(WAITING))
            self.classes = gr.Label(label="Most probable classes", elem_id="classes")

    def _add_masks(self):
        with gr.Row():
            opacity = gr.Slider(
                *(0, 1, OPACITY), step=0.05, label="Opacity of the maps", min_width=250
            )
            self.rule = gr.Dropdown(
                [(text, rule) for rule, text in RULES.items()],
                value=DEFAULT,
                label="Channels by a rule",
                min_width=250,
            )
        self.stretch = gr.Checkbox(
            label="Stretch the colours to the values of each mask", container=False
        )
        opacity.change(None, opacity, js=SET_OPACITY)
        self.masks, self.channels = [], []
        with gr.Row(elem_id="masks"):
            with gr.Column(min_width=200):
                self.image = gr.HTML()
                gr.Markdown(f"Channel {MEAN} is the mean over all channels.")
            for module in self.modules:
                with gr.Column(min_width=200):
                    self.masks.append(gr.HTML())
                    self.channels.append(self._channel_slider(module))

    def _channel_slider(self, module):
        last = self.explorer.channels[module] - 1
        return gr.Slider(MEAN, last, MEAN, step=1, label=f"Channel of {module}")

    def _add_triptych(self):
        gr.Markdown("## Before the mask, the mask, after it")
        self.module = gr.Radio(
            self.modules, value=self.modules[0], label="Attention module"
        )
        self.triptych = gr.HTML()

    def _add_evidence(self):
        gr.Markdown("## Class evidence")
        classes = [(label, i) for i, label in enumerate(self.explorer.labels)]
        self.class_ = gr.Dropdown(classes, value=None, label="Grad-CAM of the class")
        self.evidence = gr.HTML()
        gr.Markdown(NOT_EVIDENCE)

    # === Events ===

    def _listen(self):
        of_image = [self.upload, self.module, self.stretch, *self.channels]
        shown = [self.shown, self.message, self.classes, self.class_, self.image]
        shown += [self.triptych, *self.channels, *self.masks]
        evidence = {"inputs": [self.upload, self.class_], "outputs": self.evidence}
        rule = {"inputs": [self.upload, self.rule], "outputs": self.channels}
        self.upload.change(
            self.show_image, [self.rule, *of_image], shown, **EVENT
        ).then(self.show_overview, self.upload, self.overview, **EVENT).then(
            self.show_evidence, **evidence, **EVENT
        )
        self.rule.input(self.choose, **rule, **EVENT)
        self.class_.input(self.show_evidence, **evidence, **EVENT)
        self.module.change(self.show_triptych, of_image, self.triptych, **EVENT)
        self.stretch.change(
            self.show_masks, of_image, [self.image, *self.masks], **EVENT
        )
        for i, module in enumerate(self.modules):
            self.channels[i].change(
                functools.partial(self.show_mask, module),
                [self.upload, self.module, self.stretch, self.channels[i]],
                [self.masks[i], self.triptych],
                **EVENT,
            )
            # A channel that is set by hand does not follow the rule.
            self.channels[i].input(None, None, self.rule, js="() => null")

    def show_image(
        self,
        rule: str | None,
        upload: Upload,
        module: str,
        stretch: bool,
        *channels: int,
    ) -> tuple[Any, ...]:
        """Return everything that depends on the image, or an error message."""
        if upload is None:
            return self._nothing(message(WAITING))
        try:
            image = self.explorer.look(upload["path"])
        except ValueError as error:
            return self._nothing(message(str(error), "alert"))
        best = int(image.probabilities.argmax())
        if rule is not None:
            chosen = [self._chosen(image, name, rule) for name in self.modules]
            channels = tuple(chosen)
        return (
            gr.update(visible=True),
            message(self.explorer.prediction(image)),
            self.explorer.most_probable(image),
            best,
            self.content.image(image, stretch),
            self.content.triptych(image, module, self._channel(module, channels)),
            *channels,
            *self._masks(image, channels, stretch),
        )

    def _nothing(self, text):
        channels = [gr.skip()] * len(self.modules)
        nothing = [""] * len(self.modules)
        hidden = gr.update(visible=False)
        return (hidden, text, None, None, "", "", *channels, *nothing)

    def show_overview(self, upload: Upload) -> str:
        """Return what each module amplifies, and its mask patterns."""
        image = self._look(upload)
        return "" if image is None else self.content.overview(image)

    def show_masks(
        self, upload: Upload, module: str, stretch: bool, *channels: int
    ) -> tuple[str, ...]:
        """Return the image with the scale of the masks, and all masks."""
        image = self._look(upload)
        if image is None:
            return ("", *("" for _ in self.modules))
        masks = self._masks(image, channels, stretch)
        return (self.content.image(image, stretch), *masks)

    def _masks(self, image, channels, stretch):
        return (
            self.content.mask(image, module, channel, stretch)
            for module, channel in zip(self.modules, channels, strict=True)
        )

    def _channel(self, module, channels):
        return channels[self.modules.index(module)]

    def show_mask(
        self, module: str, upload: Upload, chosen: str, stretch: bool, channel: int
    ) -> tuple[Any, Any]:
        """Return the mask of a module, and its triptych if the module is chosen."""
        image = self._look(upload)
        if image is None:
            return "", gr.skip()
        mask = self.content.mask(image, module, channel, stretch)
        if module != chosen:
            return mask, gr.skip()
        return mask, self.content.triptych(image, module, channel)

    def show_triptych(
        self, upload: Upload, module: str, stretch: bool, *channels: int
    ) -> str:
        """Return the triptych of the chosen module."""
        image = self._look(upload)
        if image is None:
            return ""
        return self.content.triptych(image, module, self._channel(module, channels))

    def show_evidence(self, upload: Upload, number: int | None) -> str:
        """Return the Grad-CAM for the class with a number."""
        if upload is None or number is None or self._look(upload) is None:
            return ""
        return self.content.evidence(upload["path"], number)

    def choose(self, upload: Upload, rule: str | None) -> list[Any]:
        """Return the channel that a rule chooses, for every module."""
        image = self._look(upload)
        if rule == ALL:
            return [MEAN] * len(self.modules)
        if image is None or rule is None:
            return [gr.skip()] * len(self.modules)
        return [self._chosen(image, module, rule) for module in self.modules]

    def _chosen(self, image: ExploredImage, module: str, rule: str) -> int:
        channels = self.explorer.triptych(image, module, rule).channels
        return MEAN if channels is None else int(channels[0])

    def _look(self, upload: Upload) -> ExploredImage | None:
        """Return the explored image, or None without a readable image."""
        try:
            return None if upload is None else self.explorer.look(upload["path"])
        except ValueError:  # show_image has shown the reason
            return None
