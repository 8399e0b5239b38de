"""Measure which view of attention shows most: mean mask, amplification or patterns.

    python -m benchmarks.attention_views --data-dir ~/tensorflow_datasets
    python -m benchmarks.attention_views --photographs

For each module of the weights "cifar10" and each view, over the first test images of
CIFAR-10 or the photographs of scripts/draw_masks_figure.py: see `COLUMNS`. A view of
several maps (patterns, channels) is measured by the map that varies most in an image.
"""

import argparse
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_resattn
from benchmarks.cifar10_images import test_images
from keras_resattn.explain.amplification_maps import amplification_of
from keras_resattn.explain.patterns import apply_patterns
from keras_resattn.explain.patterns import fit_patterns
from keras_resattn.explain.reader import reader
from keras_resattn.views.modules import attention_modules
from scripts.draw_masks_figure import read
from scripts.draw_masks_figure import resized
from scripts.draw_masks_figure import squared

COLUMNS = (
    "range within an image (median)",
    "same after a flip",
    "same after a shift by 4 pixels",
    "agreement with edges",
    "agreement with the middle",
    "the same at random weights",
)
VIEWS = ("mean mask", "amplification", "patterns", "channel by variance")
SHIFT = 4  # pixels, with wrap-around: one cell of the smallest mask


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data-dir", help="measure on the test images of CIFAR-10")
    source.add_argument("--photographs", action="store_true")
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    if options.photographs:
        images = np.stack([resized(squared(image), 32) for image in read().values()])
        described = f"the {len(images)} photographs"
    else:
        images, _ = test_images(options.data_dir, options.count)
        described = f"the first {len(images)} test images"
    keras.utils.set_random_seed(0)
    trained = keras_resattn.cifar.Attention56(weights="cifar10")
    random = keras_resattn.cifar.Attention56()
    read_trained, read_random = _views(trained, images), _views(random, images)
    print(f"```\npython -m benchmarks.attention_views {' '.join(sys.argv[1:])}\n```\n")
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {described}.\n")
    print(f"| module, view | {' | '.join(COLUMNS)} |\n|---{'|---' * len(COLUMNS)}|")
    views = read_trained(images)
    flipped = read_trained(images[:, :, ::-1])
    shifted = read_trained(np.roll(images, SHIFT, axis=2))
    at_random = read_random(images)
    for name, maps in views.items():
        others = flipped[name], shifted[name], at_random[name]
        print(f"| {name} | {' | '.join(_measure(images, maps, *others))} |", flush=True)


def _views(model, images):
    """Return a function from images to the maps `(N, h, w, K)` of all views."""
    modules = attention_modules(model)
    tensors = {f"{name}/mask": part.mask for name, part in modules.items()}
    read = reader(model, {**tensors, **amplification_of(modules)})

    def arrays(images):
        inputs = keras_resattn.cifar.preprocess_input(images)
        parts = [read(inputs[i : i + 50]) for i in range(0, len(inputs), 50)]
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    fitted = arrays(images[:64])
    bases = {name: fit_patterns([fitted[f"{name}/mask"]]) for name in modules}

    def views(images):
        found, result = arrays(images), {}
        for name in modules:
            mask = found[f"{name}/mask"]
            maps = (
                mask.mean(axis=-1, keepdims=True),
                found[name][..., None],
                apply_patterns(mask, bases[name]).maps,
                mask,
            )
            for view, values in zip(VIEWS, maps, strict=True):
                result[f"{name}, {view}"] = values
        return result

    return views


def _measure(images, maps, flipped, shifted, at_random):
    best = maps.var(axis=(1, 2)).argmax(axis=-1)
    maps, flipped, shifted = (_channel(x, best) for x in (maps, flipped, shifted))
    random_best = at_random.var(axis=(1, 2)).argmax(axis=-1)
    at_random = _channel(at_random, random_best)
    size = maps.shape[1]
    cells = SHIFT * size // 32
    edges = _reduced(_edges(images), size)
    middle = _reduced(_middle(), size)
    spans = maps.max(axis=(1, 2)) - maps.min(axis=(1, 2))
    numbers = (
        _correlations(maps, flipped[:, :, ::-1]),
        _correlations(maps, np.roll(shifted, -cells, axis=2)),
        np.abs(_correlations(maps, edges)),
        np.abs(_correlations(maps, np.broadcast_to(middle, maps.shape))),
        np.abs(_correlations(maps, at_random)),
    )
    texts = [f"{values.mean():.2f}" for values in numbers]
    return [f"{np.median(spans):.3f}", *texts]


def _channel(maps, best):
    return np.take_along_axis(maps, best[:, None, None, None], axis=-1)[..., 0]


def _correlations(one, two):
    """Return the correlation of two maps, image by image."""
    one, two = (x.reshape(len(x), -1).astype("float64") for x in (one, two))
    one, two = (x - x.mean(axis=1, keepdims=True) for x in (one, two))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return (one * two).sum(axis=1) / np.maximum(lengths, 1e-12)


def _edges(images):
    """Return the length of the gradient of the grey image."""
    rows, columns = np.gradient(images.astype("float64").mean(axis=-1), axis=(1, 2))
    return np.hypot(rows, columns)


def _middle():
    """Return a Gaussian in the middle, where the objects of CIFAR-10 are."""
    place = (np.arange(32) - 15.5) / 8
    return np.exp(-0.5 * (place[:, None] ** 2 + place**2))[None]


def _reduced(maps, size):
    """Return the means of square cells: maps `(N, 32, 32)` at the size of a module."""
    cell = 32 // size
    return maps.reshape(len(maps), size, cell, size, cell).mean(axis=(2, 4))


if __name__ == "__main__":
    main()
