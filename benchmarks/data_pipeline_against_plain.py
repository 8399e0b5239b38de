"""Compare the JPEG images per second of our pipeline and of plain tf.data pipelines.

    taskset -c 1 python -m benchmarks.data_pipeline_against_plain

Each pipeline reads photographs of 500 x 375 (cut from those of scikit-image) and makes
batches of 224 x 224 by a resized crop and a flip. `--enlarge 4` makes them 2000 x 1500,
with some noise. The plain pipelines are what a user
would write: they decode whole images, augment each image by itself and standardize it
in float32.

The pipelines are measured one after the other in each round. Each computes at most one
batch in advance, so that its work is not counted for the next pipeline. Times are
processor times, so a rate is per core.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf
from skimage import data as photographs

from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data import training_batches
from keras_resattn.recipes.settings import Augmentation

SIZE, BATCH = 224, 32
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def write_photographs(root, enlarge=1, count=640):
    """Write JPEG files of 500 x 375 in two class folders; return their paths.

    `enlarge` multiplies their height and width.
    """
    rng = np.random.default_rng(0)
    paths = []
    for i in range(count):
        image = getattr(photographs, NAMES[i % len(NAMES)])()
        image = tf.image.resize(image, (460, 600), antialias=True)
        image = tf.image.stateless_random_crop(image, (375, 500, 3), (i, 0))
        if enlarge > 1:
            image = tf.image.resize(image, (375 * enlarge, 500 * enlarge), "bicubic")
            image = tf.clip_by_value(image + rng.integers(-6, 7, image.shape), 0, 255)
        path = root / f"class{i // 4 % 2}" / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tf.io.encode_jpeg(tf.cast(image, tf.uint8)).numpy())
        paths.append(str(path))
    return paths


def plain(paths, antialias):
    """Return the pipeline that a user would write."""

    def vary(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), 3)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros((1, 0, 4)),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=Augmentation().crop_area,
            use_image_if_no_bounding_boxes=True,
        )
        image = tf.slice(image, begin, size)
        image = tf.image.resize(image, (SIZE, SIZE), antialias=antialias)
        image = tf.image.random_flip_left_right(image)
        return (tf.ensure_shape(image, (SIZE, SIZE, 3)) - 127.5) / 127.5

    files = tf.data.Dataset.from_tensor_slices(paths).repeat().shuffle(len(paths))
    images = files.map(vary, tf.data.AUTOTUNE)
    return images.batch(BATCH, drop_remainder=True).prefetch(1)


def ours(root, antialias):
    preprocessing = Preprocessing((SIZE, SIZE, 3))
    return training_batches(
        load(str(root), preprocessing).train,
        preprocessing,
        BATCH,
        2,
        Augmentation(crop="resized", antialias=antialias),
        epochs=10**6,
    )


def measure(pipelines, rounds, batches):
    """Return the images/s of each pipeline: a list with a value for each round."""
    speeds = {name: [] for name in pipelines}
    for _ in range(rounds):
        for name, pipeline in pipelines.items():
            iterator = iter(pipeline)  # a new one: the last one may still compute
            for _ in range(3):
                next(iterator)
            start = time.process_time()
            for _ in range(batches):
                next(iterator)
            seconds = time.process_time() - start
            speeds[name].append(batches * BATCH / seconds)
            del iterator
    return speeds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--enlarge", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        count = max(BATCH, 640 // options.enlarge**2)
        paths = write_photographs(root, options.enlarge, count)
        pipelines = {
            (name, antialias): function(source, antialias)
            for name, function, source in (
                ("plain", plain, paths),
                ("ours", ours, root),
            )
            for antialias in (True, False)
        }
        speeds = measure(pipelines, options.rounds, options.batches)
    print("| pipeline | resize | images/s, median | maximum | ratio to plain |")
    print("|---|---|---|---|---|")
    medians = {pipeline: statistics.median(speeds[pipeline]) for pipeline in speeds}
    for (name, antialias), middle in medians.items():
        resize = "antialiased" if antialias else "not antialiased"
        most, ratio = max(speeds[name, antialias]), middle / medians["plain", antialias]
        print(f"| {name} | {resize} | {middle:.0f} | {most:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
