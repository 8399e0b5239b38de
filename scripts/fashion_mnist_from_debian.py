"""Prepare Fashion-MNIST for tensorflow-datasets from a Debian package.

Use it where Debian's packages can be reached but the host of Fashion-MNIST cannot. The
package dataset-fashion-mnist (MIT, (c) 2017 Zalando SE) has the same 70,000 images. The
records are the same as those that tensorflow-datasets writes, so
`tfds.load("fashion_mnist")` and `keras-resattn train` read them offline.
"""

import argparse
import contextlib
import gzip
import io
import shlex
import sys
import tempfile
from pathlib import Path

import tensorflow_datasets as tfds

FOLDER = "/usr/share/datasets/fashion-mnist"
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
FILES = ("images-idx3-ubyte", "labels-idx1-ubyte")


class FashionMNIST(tfds.image_classification.FashionMNIST, skip_registration=True):
    """The data set of tensorflow-datasets, read from a folder, not downloaded."""

    __module__ = tfds.image_classification.FashionMNIST.__module__
    source = None
    splits = SPLITS

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(
                count, *(str(self.source / f"{prefix}-{name}") for name in FILES)
            )
            for split, (prefix, count) in self.splits.items()
        }


def convert(folder, data_dir, splits=SPLITS):
    """Write the images of the package to the folder of tensorflow-datasets.

    Example:

    >>> path, is_new = convert(FOLDER, "~/tensorflow_datasets")
    >>> images = tfds.load("fashion_mnist", split="test", as_supervised=True)

    Args:
        folder: The folder with the four files of the package (IDX, gzipped).
        data_dir: The folder of tensorflow-datasets, or `None` for its default.
        splits: A dictionary from each split to the prefix of its file names and the
            number of its images.

    Returns:
        A pair: the path of the data set, and whether it was written (`False` if it
        already existed). An interrupted call leaves no part of the data set.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged.
    """
    builder = tfds.builder("fashion_mnist", data_dir=data_dir)
    target = Path(builder.data_dir).resolve()
    if builder.info.splits:
        return target, False
    root = target.parents[1]
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fashion_mnist-", dir=root) as beside:
        written = FashionMNIST(data_dir=beside)
        written.source, written.splits = Path(beside), splits
        unpack(Path(folder).expanduser(), written)
        # Its standard output would name the temporary folder. Progress is on stderr.
        with contextlib.redirect_stdout(io.StringIO()):
            written.download_and_prepare()
        target.parent.mkdir(exist_ok=True)
        Path(written.data_dir).rename(target)
    return target, True


def unpack(folder, builder):
    for prefix, count in builder.splits.values():
        for name, image_bytes, head in zip(FILES, (28 * 28, 1), (16, 8), strict=True):
            path = folder / f"{prefix}-{name}.gz"
            if not path.is_file():
                raise FileNotFoundError(
                    "There is no such file; run `apt-get install "
                    "dataset-fashion-mnist`, or give the folder of the files with "
                    f"`--folder`. Received: {path}"
                )
            try:
                content = gzip.decompress(path.read_bytes())
            except (OSError, EOFError) as error:
                raise ValueError(
                    f"The file is damaged ({error}); install the package again. "
                    f"Received: {path}"
                ) from error
            if len(content) != head + count * image_bytes:
                raise ValueError(
                    f"The file does not hold {count:,} entries; install the package "
                    f"again. Received: {path} of {len(content):,} bytes"
                )
            (builder.source / f"{prefix}-{name}").write_bytes(content)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    note = "folder of the package's files (default: %(default)s)"
    parser.add_argument("--folder", metavar="DIR", default=FOLDER, help=note)
    note = "folder of tensorflow-datasets (default: its own default)"
    parser.add_argument("--data-dir", metavar="DIR", help=note)
    arguments = parser.parse_args(arguments)
    try:
        path, is_new = convert(arguments.folder, arguments.data_dir)
    except (OSError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print(
        f"Fashion-MNIST is {'now' if is_new else 'already'} in {path}. To train on "
        "it:\n\nkeras-resattn train fashion_mnist_attention56 --data-dir "
        f"{shlex.quote(str(path.parents[1]))} --out runs/fashion_mnist"
    )


if __name__ == "__main__":
    main()
