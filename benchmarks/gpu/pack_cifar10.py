"""Pack CIFAR-10 as uint8 arrays into files of about 30 MB each.

    python -m benchmarks.gpu.pack_cifar10 --data-dir ~/tensorflow_datasets cifar10

The files have about 150 MB together, because CIFAR-10 hardly compresses.
`--parts train0 test` writes only some of them, for transfers with a size limit.
"""

import argparse
import pathlib

import numpy as np
import tensorflow_datasets as tfds

PARTS = {f"train{i}": f"train[{20 * i}%:{20 * (i + 1)}%]" for i in range(5)}
PARTS["test"] = "test"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data-dir")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        data = tfds.load("cifar10", split=PARTS[part], data_dir=options.data_dir)
        examples = list(data.as_numpy_iterator())
        split, number = ("test", "") if part == "test" else ("train", part[-1])
        np.savez_compressed(
            options.out / f"{part}.npz",
            **{
                f"{split}_images{number}": np.stack([e["image"] for e in examples]),
                f"{split}_labels{number}": np.array([e["label"] for e in examples]),
            },
        )
        print(options.out / f"{part}.npz")


if __name__ == "__main__":
    main()
