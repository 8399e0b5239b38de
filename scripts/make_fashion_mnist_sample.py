"""Write the bundled sample of Fashion-MNIST.

    python scripts/make_fashion_mnist_sample.py SOURCE TARGET

SOURCE is the folder with the data set's four `*-ubyte.gz` files (Debian's package
dataset-fashion-mnist installs them in /usr/share/datasets/fashion-mnist). The sample
has the first 1,000 training images and the first 200 test images of each class, in the
order of the source, in the same format (IDX), compressed with xz.
"""

import gzip
import lzma
import struct
import sys
from pathlib import Path

import numpy as np

FILES = {
    # split: (prefix of the source's files, images per class)
    "train": ("train", 1000),
    "test": ("t10k", 200),
}


def main(source, target):
    for split, (prefix, count) in FILES.items():
        images = read(source / f"{prefix}-images-idx3-ubyte.gz")
        labels = read(source / f"{prefix}-labels-idx1-ubyte.gz")
        chosen = np.sort(
            np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)])
        )
        write(target / f"{split}-images-idx3-ubyte.xz", images[chosen])
        write(target / f"{split}-labels-idx1-ubyte.xz", labels[chosen])


def read(path):
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, "uint8", offset=4 + 4 * rank).reshape(shape)


def write(path, array):
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    data = header + array.tobytes()
    path.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {array.shape}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
