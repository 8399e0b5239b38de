"""Write the files of `keras-resattn explain`: arrays, figures and a page."""

import functools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_resattn.data import check_images
from keras_resattn.data.divided_files import listed
from keras_resattn.explain.array_file import ArrayFile
from keras_resattn.explain.file_names import unique_names
from keras_resattn.explain.patterns import require_patterns
from keras_resattn.explain.reference import reference_of_files
from keras_resattn.explain.shown_images import explained_pictures
from keras_resattn.layers.arguments import positive_integer
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath
from keras_resattn_client.extras import require_extra

ARRAYS = "arrays.npz"
PAGE = "index.html"
INTERACTIVE = "interactive.html"


def write_explanations(
    folder: ModelFolder,
    paths: Iterable[StrPath],
    out: StrPath,
    modules: Iterable[str] | None = None,
    channel: str | int = "variance",
    label: str | None = None,
    evidence: Sequence[str] = (),
    figures: bool = True,
    style: str = "overlay",
    stretch: bool = False,
    channel_grid: bool = False,
    animation: str | None = None,
    view: str = "attention",
    pattern_count: int = 4,
    html: bool = False,
    batch_size: int = 8,
    advance: Callable[[int], object] | None = None,
) -> Path:
    """Write the masks, features and class evidence of image files to a folder.

    `arrays.npz` contains float32 arrays with one row per image:

    * `<module>_mask` `(N, h, w)`, the mask averaged over the channels, and
      `probabilities`, as in the signature `attention` of an exported model.
    * `<module>_before`, `<module>_channel_mask`, `<module>_after`
      `(N, h, w)`: the feature before the mask, the mask, and the feature after it,
      for the channel `<module>_channel` `(N,)` that the rule chooses.
    * `<module>_amplification` `(N, h, w)`, see `amplification`.
    * `<method>` `(N, H, W)`: maps of class evidence.
    * `images`, `labels`, `rule`: the paths, the classes, the rule.

    The figures are `NAME.masks.png` and `NAME.triptych.png` for each image, and
    `NAME.evidence.png` with evidence. `index.html` shows them. All images share the
    scales and the mask patterns of the first figure: these are found in up to 64 of
    the images, evenly spaced. Memory does not grow with the number of images.

    Example:

    >>> folder = ModelFolder.open("runs/demo")
    >>> write_explanations(folder, ["shirt.png"], "explained")
    PosixPath('explained/index.html')

    Args:
        folder: A `ModelFolder`.
        paths: Paths of PNG, JPEG, GIF, BMP or WebP files, of any size.
        out: The folder to write to.
        modules: The names of the modules whose features to show. Defaults to
            all.
        channel: A rule, an index or `"all"`, see `feature_triptych`.
        label: The name of the class for the rule `"gradient"` and the evidence.
            Defaults to the most probable class of each image.
        evidence: Methods of `class_evidence`.
        figures: Boolean, whether to write figures and the page, not only
            `arrays.npz`.
        style: With the view `"mean"`, how to draw masks, see `mask_figure`.
        stretch: With the view `"mean"`, whether to stretch the colours, see
            `mask_figure`.
        channel_grid: Boolean, whether to draw every channel of the masks of
            `modules`, as `NAME.MODULE.channels-PAGE.png`, and every mask pattern, as
            `NAME.MODULE.patterns.png`.
        animation: `"gif"` or `"png"`, to write an animation over the modules, as
            `NAME.modules.gif` or `NAME.modules.apng`. It shows the amplification; with
            the view `"mean"`, the mean masks.
        view: What `NAME.masks.png` shows of each module: `"attention"` (amplification
            and mask patterns), `"amplification"`, `"patterns"`, or `"mean"` (the mask,
            averaged over the channels).
        pattern_count: Integer, the number of mask patterns of each module.
        html: Boolean, whether to write `interactive.html`: one file without a server
            that shows each channel, each pattern and the masks at a position of up to
            8 images. Its masks are rounded to 255 steps.
        batch_size: Integer, images per batch.
        advance: Optional function. It is called after each batch with the number
            of its images.

    Returns:
        The `pathlib.Path` of `index.html`; without figures, of `interactive.html` or
        of the arrays.

    Raises:
        ImportError: If figures or evidence need the extra `vis`.
        FileNotFoundError: If an image is missing.
        ValueError: If an image is unreadable, or an argument is out of range.
            In this case nothing is written.
    """
    if figures or html:
        require_extra("vis", "Figures", ("jinja2", "matplotlib", "PIL"))
    if figures:
        _check_view(view, style, stretch)
    else:
        _check_no_drawing(view, style, stretch, channel_grid, animation)
    if html:
        require_patterns()
    files, out = [Path(path) for path in paths], Path(out)
    batch_size = positive_integer("batch_size", batch_size)
    _check_files(files, folder.preprocessing)
    classes = None if label is None else _class_of(label, folder.labels)
    if label is not None and channel != "gradient" and not evidence:
        raise ValueError(
            "`label` is the class for channel='gradient' and for class evidence. Leave "
            "it out, or add --channel gradient or --evidence METHOD. "
            f"Received: label={label!r}, channel={channel!r}"
        )
    explained = explained_pictures(
        folder, files, batch_size, modules, channel, classes, evidence
    )
    drawing = (style, stretch, channel_grid, animation)
    pages: dict[str, Any] = {}  # their modules are imported below
    if figures:
        from keras_resattn.explain.image_page import ImagePage  # needs matplotlib

        make_page = functools.partial(ImagePage, folder, files, out, *drawing, label)
        make_page(view, None)  # raises errors of arguments before the network runs
    needed = html or (figures and view != "mean")
    reference = None
    if needed:
        reference = reference_of_files(folder, files, modules, pattern_count)
    if figures:
        pages[PAGE] = make_page(view, None if view == "mean" else reference)
    if html and reference is not None:
        from keras_resattn.explain.interactive import InteractivePage

        pages[INTERACTIVE] = InteractivePage(folder, unique_names(files), reference)
    with ArrayFile(out / ARRAYS, len(files)) as file:
        for pictures, explanation in explained:
            file.append(_rows(explanation))
            for page in pages.values():
                page.add(pictures, explanation)
            if advance:
                advance(len(pictures))
        file.add("images", [str(path) for path in files])
        file.add("labels", list(folder.labels))
        file.add("rule", next(iter(explanation.triptychs.values())).rule)
    written = [page.write(out / name) for name, page in pages.items()]
    return written[0] if written else out / ARRAYS


def _check_view(view, style, stretch):
    """Check that the style and the stretching are used by the view."""
    if view in ("attention", "patterns"):
        require_patterns()
    if view != "mean" and (style != "overlay" or stretch):
        raise ValueError(
            "`style` and `stretch` draw the mean mask. Leave them out, or choose "
            "view='mean' (--view mean). Received: "
            f"view={view!r}, style={style!r}, stretch={stretch}"
        )


def _check_no_drawing(view, style, stretch, channel_grid, animation):
    """Check that nothing is asked for that only figures show."""
    shown = view != "attention" or style != "overlay" or stretch
    if shown or channel_grid or animation:
        raise ValueError(
            "Without figures, `view`, `style`, `stretch`, `channel_grid` and "
            "`animation` have no effect. Leave them out, or draw figures: figures=True "
            "(without --no-figures). Received: "
            f"figures=False, view={view!r}, style={style!r}, "
            f"stretch={stretch}, channel_grid={channel_grid}, animation={animation!r}"
        )


def _check_files(paths, preprocessing):
    if not paths:
        raise ValueError("Pass at least one image. Received: paths=[]")
    check_images(paths, preprocessing)


def _class_of(label, labels):
    if label not in labels:
        raise ValueError(
            f"This model's classes are {listed(labels)}. Choose one of them. "
            f"Received: label={label!r}"
        )
    return labels.index(label)


def _rows(explanation):
    rows = {"probabilities": explanation.outputs}
    rows |= {f"{name}_mask": mask for name, mask in explanation.masks.items()}
    for name, triptych in explanation.triptychs.items():
        rows[f"{name}_before"] = triptych.before
        rows[f"{name}_channel_mask"] = triptych.mask
        rows[f"{name}_after"] = triptych.after
        if triptych.channels is not None:
            rows[f"{name}_channel"] = triptych.channels
    for name, values in explanation.amplification.items():
        rows[f"{name}_amplification"] = values
    return {**rows, **explanation.evidence}
