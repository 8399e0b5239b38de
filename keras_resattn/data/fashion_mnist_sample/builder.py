"""The bundled sample of Fashion-MNIST, as a tensorflow-datasets builder."""

import lzma
import struct
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from keras_resattn.typing import Array

FOLDER = Path(__file__).parent

LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class FashionMnistSample(tfds.core.GeneratorBasedBuilder):
    """Fashion-MNIST's first 1,000 training and 200 test images of each class."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "10,000 training and 2,000 test images."}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "A balanced sample of Fashion-MNIST: grey images of clothes, "
                "28 x 28, in 10 classes. 10,000 to train on, 2,000 to test on."
            ),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            license="MIT, (c) 2017 Zalando SE",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(names=LABELS),
                }
            ),
            supervised_keys=("image", "label"),
            citation=(
                "@article{xiao2017fashion, title={Fashion-MNIST: a novel image "
                "dataset for benchmarking machine learning algorithms}, "
                "author={Xiao, Han and Rasul, Kashif and Vollgraf, Roland}, "
                "journal={arXiv:1708.07747}, year={2017}}"
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in ("train", "test")}

    def _generate_examples(self, split):
        images = read_idx(FOLDER / f"{split}-images-idx3-ubyte.xz")
        labels = read_idx(FOLDER / f"{split}-labels-idx1-ubyte.xz")
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield i, {"image": image[..., None], "label": int(label)}


def read_idx(path: Path) -> Array:
    """Return the uint8 array in an IDX file compressed with xz."""
    data = lzma.decompress(path.read_bytes())
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, "uint8", offset=4 + 4 * rank).reshape(shape)
