"""Animations of masks, GIF or animated PNG: through modules, through epochs."""

from itertools import count
from pathlib import Path

import keras
import numpy as np

from keras_resattn.explain.arrays import channel_mean
from keras_resattn.explain.arrays import check_module
from keras_resattn.explain.arrays import reader
from keras_resattn.explain.figures.mask_overlays import mask_figure
from keras_resattn.explain.figures.panels import MEDIUM
from keras_resattn.layers.arguments import positive_number
from keras_resattn.model_folder import write_beside
from keras_resattn.views.modules import attention_modules

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image
except ImportError as error:
    raise ImportError(
        'Animations need matplotlib and Pillow: pip install "keras-resattn[vis]"'
    ) from error

FORMATS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG"}


def module_animation(images, masks, path, titles=None, seconds=1.0, stretch=False):
    """Write an animation of images under the mask of one module after another.

    Example:

    >>> module_animation(images, mean_masks(model, inputs), "modules.gif")

    Args:
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        masks: A dictionary from the names of modules to arrays `(N, h, w)`.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        titles: Optional list of strings, one an image.
        seconds: Float, how long to show each module.
        stretch: Boolean, whether each mask takes all colours, see
            `mask_figure`.

    Returns:
        The `pathlib.Path` of the file.
    """
    figures = (
        _frame(images, {name: mask}, titles, stretch, f"module {i} of {len(masks)}")
        for i, (name, mask) in enumerate(masks.items(), start=1)
    )
    return write_animation(figures, path, seconds)


def epoch_animation(
    models,
    images,
    inputs,
    module,
    path,
    names=None,
    titles=None,
    seconds=0.6,
    stretch=False,
):
    """Write an animation of a module's masks over the epochs of a training.

    A model folder keeps the weights of the last epoch alone; docs/explain.md has
    a callback that keeps those of each.

    Example:

    >>> def epochs(model, paths):
    ...     for path in paths:
    ...         model.load_weights(path)
    ...         yield model
    >>> paths = sorted(Path("epochs").glob("*.weights.h5"))
    >>> models = epochs(folder.model, paths)
    >>> epoch_animation(models, images, inputs, "stage1_attention1", "epochs.gif")

    Args:
        models: An iterable of `keras.Model`s or paths of `.keras` files, one an
            epoch. It may yield one model again and again, with other weights.
        images: An array `(N, H, W, 1)` or `(N, H, W, 3)` of pixel values, 0 to
            255, or a list of such images of any sizes.
        inputs: The same images, standardized as for the models.
        module: String, the name of an attention module.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        names: Optional iterable of strings, what to print over each frame.
            Defaults to `"epoch 1"`, `"epoch 2"`, ...
        titles: Optional list of strings, one an image.
        seconds: Float, how long to show each epoch.
        stretch: Boolean, whether each mask takes all colours, see
            `mask_figure`.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If a model has no such attention module, or there are none.
    """
    names = iter(names) if names is not None else map("epoch {}".format, count(1))
    figures = (
        _frame(images, {module: mask}, titles, stretch, next(names))
        for mask in _masks_of(models, inputs, module)
    )
    return write_animation(figures, path, seconds)


def write_animation(figures, path, seconds=0.6):
    """Write figures as the frames of an animation that repeats.

    Args:
        figures: An iterable of matplotlib figures of one size.
        path: The file to write, `.gif` or `.png` (an animated PNG).
        seconds: Float, how long to show each.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If the file has another extension, or there are no figures.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f"An animation is a file {' or '.join(FORMATS)}. Received: {path}"
        )
    frames = [_drawn(figure) for figure in figures]
    if not frames:
        raise ValueError(f"There is nothing to animate. Received: no frame for {path}")
    kind = FORMATS[path.suffix.lower()]
    if kind == "GIF":  # Left to itself, it would lose rare colours: those of the bar.
        frames = [f.quantize(256, Image.Quantize.MAXCOVERAGE, 1) for f in frames]
    options = {
        "format": kind,
        "save_all": True,
        "append_images": frames[1:],
        "duration": round(1000 * positive_number("seconds", seconds)),
        "loop": 0,
    }
    write_beside(path, lambda beside: frames[0].save(beside, **options))
    return path


def _frame(images, masks, titles, stretch, name):
    figure = mask_figure(images, masks, titles, stretch=stretch)
    figure.suptitle(name, fontsize=MEDIUM + 1)
    return figure


def _masks_of(models, inputs, module):
    """Yield the masks of a module that models have, mean over the channels."""
    last = None
    for model in models:
        if not isinstance(model, keras.Model):
            model = keras.saving.load_model(model, compile=False)
        if model is not last:
            modules = attention_modules(model)
            check_module(module, modules)
            read = reader(model, {"mask": channel_mean(modules[module].mask)})
            last = model
        yield read(inputs)["mask"]


def _drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
