"""Images per second of predicting a folder, all told, beside the network alone.

    python -m benchmarks.folder_prediction

"All told" is reading the files, decoding, resizing and the network, in batches of 32
as `keras-resattn predict` makes them. The network alone takes the same pixels from
memory. "Full size" decodes each JPEG whole: `Preprocessing.decode` decodes large ones
at a half, a quarter or an eighth of their size. The rounds alternate; the table has
the medians.

The last lines say how much that changes the probabilities of the CIFAR-10 weights, on
crops of real photographs, reduced more than they are by default.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

import keras_resattn
from benchmarks.table import Row
from benchmarks.table import markdown
from keras_resattn.data import preprocessing as module
from keras_resattn.data import read_images

BATCH_SIZE = 32
SIZES = {(500, 375): 64, (1000, 750): 64, (4000, 3000): 32}  # pixels: files
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
CROP, REDUCED, CROPS = 400, 64, 40  # pixels, pixels, crops of each photograph


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(markdown(rows(options.rounds)))
    print_effect()


def rows(rounds):
    """Return the rows of the table, see `benchmarks.table`."""
    networks = {
        "Attention-56 at 224": keras_resattn.Attention56(classes=10),
        "CIFAR Attention-56 at 32": keras_resattn.cifar.Attention56(classes=10),
    }
    return [
        _row(name, network, size, rounds)
        for size in SIZES
        for name, network in networks.items()
    ]


def _row(name, network, size, rounds):
    preprocessing = module.Preprocessing(network.input_shape[1:], aspect="crop")
    with tempfile.TemporaryDirectory() as folder:
        paths = _write(Path(folder), size, SIZES[size])
        pixels = read_images(paths[:BATCH_SIZE], preprocessing)

        def alone(batch):
            network.predict_on_batch(pixels[: len(batch)])

        def all_told(batch):
            network.predict_on_batch(read_images(batch, preprocessing))

        def at_full_size(batch):
            with mock.patch.object(module, "LEAST_SIDE", 10**6):
                all_told(batch)

        speeds = {alone: [], all_told: [], at_full_size: []}
        for i in range(rounds + 1):
            for predict in speeds:
                start = time.perf_counter()
                for j in range(0, len(paths), BATCH_SIZE):
                    predict(paths[j : j + BATCH_SIZE])
                if i:  # the first round traces and compiles
                    elapsed = time.perf_counter() - start
                    speeds[predict].append(len(paths) / elapsed)
    alone, ours, full = (statistics.median(speeds[predict]) for predict in speeds)
    what = f"{name}, JPEG of {size[0]} x {size[1]} (full size: {full:.1f} images/s)"
    cells = (f"{ours:.1f} images/s", f"network alone {alone:.1f}", ours / alone)
    return Row("predicting a folder", what, *cells, ">= 0.9")


def _write(folder, size, count):
    """Write enlarged photographs with some noise; return their paths."""
    rng = np.random.default_rng(0)
    for i in range(count):
        name = PHOTOGRAPHS[i % len(PHOTOGRAPHS)]
        photograph = _photograph(name).resize(size, Image.Resampling.BICUBIC)
        noise = rng.integers(-6, 7, (size[1], size[0], 1))
        pixels = (np.asarray(photograph) + noise).clip(0, 255).astype("uint8")
        Image.fromarray(pixels).save(folder / f"{i:04}.jpg", quality=90)
    return sorted(folder.iterdir())


def _photograph(name):
    folders = [Path(skimage.data.__file__).parent]
    folders += [Path(sklearn.datasets.__file__).parent / "images"]
    (path,) = [folder / name for folder in folders if (folder / name).is_file()]
    return Image.open(path).convert("RGB")


def print_effect():
    """Print how decoding at a quarter of the size changes the probabilities."""
    model = keras_resattn.load_model("cifar10")
    with tempfile.TemporaryDirectory() as folder:
        paths = _crops(Path(folder))
        full = model.predict(paths)
        with mock.patch.object(module, "LEAST_SIDE", REDUCED):
            reduced = model.predict(paths)
    change = np.abs(full - reduced)
    same = np.mean(full.argmax(axis=1) == reduced.argmax(axis=1))
    print(
        f"\nCrops of {CROP} x {CROP}, decoded at a quarter of their size: of "
        f"{len(paths)} crops {same:.1%} keep their most probable class. A probability "
        f"changes by {change.mean():.4f} on average and by {change.max():.3f} at most."
    )


def _crops(folder):
    rng = np.random.default_rng(0)
    for name in (*PHOTOGRAPHS, "china.jpg", "flower.jpg"):
        photograph = _photograph(name)
        width, height = photograph.size
        side = min(CROP, width, height)
        for i in range(CROPS):
            x = int(rng.integers(0, width - side + 1))
            y = int(rng.integers(0, height - side + 1))
            crop = photograph.crop((x, y, x + side, y + side))
            crop.save(folder / f"{name}.{i:02}.jpg", quality=95)
    return sorted(folder.iterdir())


if __name__ == "__main__":
    main()
