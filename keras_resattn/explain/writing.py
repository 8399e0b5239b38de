"""What `keras-resattn explain` writes: arrays, figures and a page of images."""

from collections import deque
from pathlib import Path

import tensorflow as tf

from keras_resattn.data import check_images
from keras_resattn.data import read_pictures
from keras_resattn.explain.array_file import ArrayFile
from keras_resattn.explain.explanation import explain_batches
from keras_resattn.layers.arguments import positive_integer

ARRAYS = "arrays.npz"
PAGE = "index.html"
# The longer side, in pixels, of the pictures that figures show.
SHOWN_SIZE = 320


def write_explanations(
    folder,
    paths,
    out,
    modules=None,
    channel="energy",
    label=None,
    evidence=(),
    figures=True,
    style="overlay",
    stretch=False,
    channel_grid=False,
    animation=None,
    batch_size=8,
    advance=None,
):
    """Write the masks, features and class evidence of image files to a folder.

    `arrays.npz` holds everything as float32 arrays, a row an image:

    * `<module>_mask` `(N, h, w)`: the mask, mean over its channels; and
      `probabilities`: both as the signature `attention` of an exported model.
    * `<module>_before`, `<module>_channel_mask`, `<module>_after`
      `(N, h, w)`: the feature before the mask, the mask, the feature after it,
      of the channel `<module>_channel` `(N,)` that the rule has chosen.
    * `<method>` `(N, H, W)`: maps of class evidence.
    * `images`, `labels`, `rule`: the paths, the classes, the rule.

    The figures are `NAME.masks.png` and `NAME.triptych.png` for each image, and
    `index.html` shows them. Memory does not grow with the number of images.

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
        label: The class of the rule `"gradient"` and of the evidence. Defaults
            to each image's most probable one.
        evidence: Methods of `class_evidence`.
        figures: Boolean, whether to write more than `arrays.npz`.
        style: How to draw masks, see `mask_figure`.
        stretch: Boolean, whether each mask takes all colours, see `mask_figure`.
        channel_grid: Boolean, whether to draw every channel of these modules'
            masks, as `NAME.MODULE.channels-PAGE.png`.
        animation: `"gif"` or `"png"`: an animation through the modules, as
            `NAME.modules.gif` or `NAME.modules.apng`.
        batch_size: Integer, how many images to compute at a time.
        advance: Optional function, called with the number of images that were
            done since the last call.

    Returns:
        The `pathlib.Path` of the page, or of the arrays without figures.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If an image is unreadable, or an argument is out of range.
            Nothing is written then.
    """
    paths, out = [Path(path) for path in paths], Path(out)
    batch_size = positive_integer("batch_size", batch_size)
    _check_files(paths, folder.preprocessing)
    classes = None if label is None else _class_of(label, folder.labels)
    held = deque(maxlen=1)  # the batch that is explained, and no other

    def batches():
        for batch in _picture_batches(folder.preprocessing, paths, batch_size):
            held.append(batch)
            yield batch[1]

    explanations = explain_batches(
        folder.model, batches(), modules, channel, classes, evidence
    )
    page = None
    if figures:
        drawing = (style, stretch, channel_grid, animation)
        page = _page(folder, paths, out, *drawing, label)
    with ArrayFile(out / ARRAYS, len(paths)) as file:
        for explanation in explanations:
            [(shown, inputs)] = held
            file.append(_rows(explanation))
            if page:
                page.add(shown, inputs, explanation)
            if advance:
                advance(len(shown))
        file.add("images", [str(path) for path in paths])
        file.add("labels", list(folder.labels))
        file.add("rule", _rule(explanation))
    return page.write(out / PAGE) if page else out / ARRAYS


def _page(*arguments):
    # It needs matplotlib, the arrays do not.
    from keras_resattn.explain.image_page import ImagePage

    return ImagePage(*arguments)


def _check_files(paths, preprocessing):
    if not paths:
        raise ValueError("There is nothing to explain; give images. Received: none")
    check_images(paths, preprocessing)


def _class_of(label, labels):
    if label not in labels:
        raise ValueError(
            f"This model's classes are {', '.join(labels)}; choose one of them. "
            f"Received: {label!r}"
        )
    return labels.index(label)


def _picture_batches(preprocessing, paths, batch_size):
    """Yield batches: the pictures to show, and the network's inputs."""
    for start in range(0, len(paths), batch_size):
        pictures = read_pictures(paths[start : start + batch_size], preprocessing)
        sized = [
            tf.cast(preprocessing.resize(picture), tf.float32) for picture in pictures
        ]
        inputs = preprocessing.standardize(tf.stack(sized)).numpy()
        shown = [preprocessing.shown(picture, SHOWN_SIZE) for picture in pictures]
        yield [picture.numpy() for picture in shown], inputs


def _rows(explanation):
    rows = {"probabilities": explanation.outputs}
    rows |= {f"{name}_mask": mask for name, mask in explanation.masks.items()}
    for name, triptych in explanation.triptychs.items():
        rows[f"{name}_before"] = triptych.before
        rows[f"{name}_channel_mask"] = triptych.mask
        rows[f"{name}_after"] = triptych.after
        if triptych.channels is not None:
            rows[f"{name}_channel"] = triptych.channels
    return {**rows, **explanation.evidence}


def _rule(explanation):
    return next(iter(explanation.triptychs.values())).rule
