"""Animate masks, as GIF or animated PNG: over modules or over epochs."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import keras
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from keras_resattn.atomic_writing import write_beside
from keras_resattn.explain.figures.attention import attention_figure
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.panels import MEDIUM
from keras_resattn.explain.figures.panels import Images
from keras_resattn.explain.reader import choose_modules
from keras_resattn.explain.reader import mean_masks_of
from keras_resattn.explain.reader import reader
from keras_resattn.explain.scales import Scale
from keras_resattn.layers.arguments import positive_number
from keras_resattn.typing import Array
from keras_resattn.typing import StrPath
from keras_resattn.views.modules import attention_modules

FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG"}


def module_animation(
    images: Images,
    masks: Mapping[str, Array],
    path: StrPath,
    titles: Sequence[str] | None = None,
    seconds: float = 1.0,
    stretch: bool = False,
) -> Path:
    """Write an animation that shows the mask of one module after another.

    Example:

    >>> module_animation(images, mean_masks(model, inputs), "modules.gif")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        titles: Optional list of strings, one per image.
        seconds: Float, how long to show each module.
        stretch: Boolean, whether to stretch the colours, see `mask_figure`.

    Returns:
        The `pathlib.Path` of the file.
    """
    figures = (
        _frame(images, {name: mask}, titles, stretch, f"module {i} of {len(masks)}")
        for i, (name, mask) in enumerate(masks.items(), start=1)
    )
    return write_animation(figures, path, seconds)


def amplification_animation(
    images: Images,
    amplification: Mapping[str, Array],
    path: StrPath,
    titles: Sequence[str] | None = None,
    seconds: float = 1.0,
    scales: Mapping[str, Scale] | None = None,
) -> Path:
    """Write an animation that shows what one module after another amplifies.

    Example:

    >>> maps = amplification(model, inputs)
    >>> amplification_animation(images, maps, "modules.gif")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        amplification: A dictionary from the names of modules to arrays `(N, h, w)`.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        titles: Optional list of strings, one per image.
        seconds: Float, how long to show each module.
        scales: See `attention_figure`.

    Returns:
        The `pathlib.Path` of the file.
    """
    figures = (
        _named(
            attention_figure(images, {name: maps}, None, titles, scales),
            f"module {i} of {len(amplification)}",
        )
        for i, (name, maps) in enumerate(amplification.items(), start=1)
    )
    return write_animation(figures, path, seconds)


def epoch_animation(
    models: Iterable[keras.Model | StrPath],
    images: Images,
    inputs: Array,
    module: str,
    path: StrPath,
    names: Iterable[str] | None = None,
    titles: Sequence[str] | None = None,
    seconds: float = 0.6,
    stretch: bool = False,
) -> Path:
    """Write an animation of the masks of a module over the epochs of a training.

    A model folder keeps only the weights of the last epoch. docs/explain.md has a
    callback that keeps the weights of every epoch.

    Example:

    >>> def epochs(model, paths):
    ...     for path in paths:
    ...         model.load_weights(path)
    ...         yield model
    >>> paths = sorted(Path("epochs").glob("*.weights.h5"))
    >>> models = epochs(folder.model, paths)
    >>> epoch_animation(models, images, inputs, "stage1_attention1", "epochs.gif")

    Args:
        models: An iterable of `keras.Model`s or paths of `.keras` files, one per
            epoch. It may yield the same model repeatedly, with other weights.
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        inputs: The same images, standardized as for the models.
        module: String, the name of an attention module.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        names: Optional iterable of strings, the titles of the frames. Defaults to
            `"epoch 1"`, `"epoch 2"`, ...
        titles: Optional list of strings, one per image.
        seconds: Float, how long to show each epoch.
        stretch: Boolean, whether to stretch the colours, see `mask_figure`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If a model has no such attention module, or there are no models, or
            more models than names.
    """
    frames = iter(names) if names is not None else map("epoch {}".format, count(1))
    figures = (
        _frame(images, {module: mask}, titles, stretch, _next_name(frames))
        for mask in _masks_of(models, inputs, module)
    )
    return write_animation(figures, path, seconds)


def _next_name(names):
    name = next(names, None)
    if name is None:
        raise ValueError(
            "There are more models than names; give one name per model, or leave out "
            "`names`. Received: too few names"
        )
    return name


def write_animation(
    figures: Iterable[Figure], path: StrPath, seconds: float = 0.6
) -> Path:
    """Write figures as the frames of an animation that repeats forever.

    Args:
        figures: An iterable of matplotlib figures of one size.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        seconds: Float, how long to show each frame.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If the file has another extension, or there are no figures.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f"The file of an animation must end in {' or '.join(FORMATS)}. "
            f"Received: {path}"
        )
    milliseconds = round(1000 * positive_number("seconds", seconds))
    frames = [_drawn(figure) for figure in figures]
    if not frames:
        raise ValueError(
            "There is nothing to animate. Pass at least one model, module or figure. "
            f"Received: no frame for {path}"
        )
    kind = FORMATS[path.suffix.lower()]
    if (
        kind == "GIF"
    ):  # By default, Pillow drops rare colours, such as the colour bar's.
        frames = [f.quantize(256, Image.Quantize.MAXCOVERAGE, 1) for f in frames]
    options = {"append_images": frames[1:], "duration": milliseconds, "loop": 0}

    def save(beside: Path) -> None:
        frames[0].save(beside, kind, save_all=True, **options)

    write_beside(path, save)
    return path


def _frame(images, masks, titles, stretch, name):
    return _named(mask_figure(images, masks, titles, stretch=stretch), name)


def _named(figure, name):
    figure.suptitle(name, fontsize=MEDIUM + 1)
    return figure


def _masks_of(models, inputs, module):
    """Yield the masks of a module in each model, averaged over the channels."""
    last = None
    for model in models:
        if not isinstance(model, keras.Model):
            model = keras.saving.load_model(model, compile=False)
        if model is not last:
            modules = choose_modules(attention_modules(model), [module])
            read = reader(model, mean_masks_of(modules))
            last = model
        yield read(inputs)[module]


def _drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
