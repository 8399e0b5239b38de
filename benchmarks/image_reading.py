"""Images per second of reading files, beside the reading before it.

    python -m benchmarks.image_reading

Both read 200 JPEGs of 1000 x 750 and 2,000 PNGs of 28 x 28, as `ModelFolder.images`
does: the JPEGs for a network that takes 224 x 224 colours, the PNGs for one that takes
28 x 28 of grey. The rounds alternate; the table has the best of each.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import image_reading_before
from benchmarks.table import Row
from benchmarks.table import markdown
from keras_resattn.data import Preprocessing
from keras_resattn.data import read_images

ROUNDS = 3
SETS = {
    "JPEG, 1000 x 750": (200, (750, 1000, 3), ".jpg", (224, 224, 3), ""),
    "PNG, 28 x 28": (2000, (28, 28), ".png", (28, 28, 1), ">= 5"),
}


def main():
    print(markdown(rows(quick=False)))


def rows(quick):
    """Return the rows of the table, see `benchmarks.table`."""
    return [_row(name, quick) for name in SETS]


def _row(name, quick):
    count, shape, suffix, input_shape, target = SETS[name]
    preprocessing = Preprocessing(input_shape)
    with tempfile.TemporaryDirectory() as folder:
        paths = _write(Path(folder), count // 10 if quick else count, shape, suffix)
        best = {read_images: 0.0, image_reading_before.read_images: 0.0}
        for read in best:
            read(paths[:5], preprocessing)
        for _ in range(ROUNDS):
            for read in best:
                start = time.perf_counter()
                read(paths, preprocessing)
                speed = len(paths) / (time.perf_counter() - start)
                best[read] = max(best[read], speed)
    ours, peer = best.values()
    cells = (f"{ours:,.0f} images/s", f"{peer:,.0f} images/s", ours / peer, target)
    return Row("image files", f"{name}, {len(paths):,} files", *cells)


def _write(folder, count, shape, suffix):
    """Write files of smooth pictures with some noise; return their paths."""
    rng = np.random.default_rng(0)
    height, width, *channels = shape
    for i in range(count):
        coarse = rng.integers(0, 256, (6, 8, *channels), "uint8")
        image = Image.fromarray(coarse).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        noise = rng.integers(-8, 9, shape)
        pixels = (np.asarray(image) + noise).clip(0, 255).astype("uint8")
        Image.fromarray(pixels).save(folder / f"{i:04}{suffix}")
    return sorted(folder.iterdir())


if __name__ == "__main__":
    main()
