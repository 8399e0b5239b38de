"""Compare three trainings of Attention-56 on images of people's own.

    python -m benchmarks.own_images /tmp/own --data-dir ~/tensorflow_datasets
    python -m benchmarks.fine_tuning /tmp/own

* fine-tuned: `keras-resattn train folder`, which starts from the weights in the package
* from nothing: the same recipe with random weights and a higher learning rate. An epoch
  takes the same time
* Keras' guide: `benchmarks/keras_transfer_learning.py`, with the same weights

All have the same number of epochs, and are tested once on the test images.

With `--as-people-bring-them`, `cifar10` alone: the folder gets what a zip file from a
Mac has, three files that cannot be read, and a class with six training images.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = {"photographs": 64, "animals": 32, "cifar10": 32}  # pixels
RARE = "deer"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--as-people-bring-them", action="store_true")
    options = parser.parse_args()
    print(f"```\npython -m benchmarks.fine_tuning {' '.join(sys.argv[1:])}\n```\n")
    print("| images | training | test accuracy | time |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name in ["cifar10"] if options.as_people_bring_them else SIZES:
            folder = options.images / name
            if options.as_people_bring_them:
                folder = shutil.copytree(folder, Path(scratch) / "images")
                make_a_class_rare(folder)
            _compare(name, folder, Path(scratch), options)


def _compare(name, folder, scratch, options):
    nothing = ["network.weights=null", "train.learning_rate=0.05"]
    # Keras' reader ends at a file that it cannot decode, so it reads the clean folder.
    keras = [sys.executable, "-m", "benchmarks.keras_transfer_learning", folder]
    keras += ["--size", SIZES[name], "--epochs", options.epochs]
    result = json.loads(
        _output(*keras, "--precision", options.precision).splitlines()[-1]
    )
    _print(name, "Keras' guide", result["accuracy"], result["seconds"])
    if options.as_people_bring_them:
        add_what_people_bring(folder)
    for training, changes in {"fine-tuned": [], "from nothing": nothing}.items():
        out = scratch / f"{name} {training}"
        accuracy, seconds = _train(folder, out, SIZES[name], changes, options)
        _print(name, training, accuracy, seconds)


def _train(folder, out, size, changes, options):
    settings = [
        f"data.name={folder}",
        "data.on_error=skip",
        f"network.input_shape=[{size},{size},3]",
        f"train.epochs={options.epochs}",
        *changes,
    ]
    command = [sys.executable, "-m", "keras_resattn_cli", "train", "folder"]
    command += ["--out", out, "--precision", options.precision]
    start = time.perf_counter()
    header = _output(*command, *(f"--set={setting}" for setting in settings))
    seconds = time.perf_counter() - start
    if options.as_people_bring_them:
        print(header, file=sys.stderr)
    evaluate = [sys.executable, "-m", "keras_resattn_cli", "evaluate", out, "--json"]
    return json.loads(_output(*evaluate))["accuracy"], seconds


def _output(*command):
    return subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def _print(name, training, accuracy, seconds):
    print(f"| {name} | {training} | {accuracy:.1%} | {seconds:.0f} s |", flush=True)


def make_a_class_rare(folder):
    for path in sorted((folder / "train" / RARE).iterdir())[6:]:
        path.unlink()


def add_what_people_bring(folder):
    first, second, third = sorted((folder / "train" / "cat").iterdir())[:3]
    first.with_name("empty.jpg").write_bytes(b"")
    second.with_name("cut.jpg").write_bytes(second.read_bytes()[:200])
    third.with_name("page.jpg").write_text("<html>Not found</html>")
    inner = folder / "train" / "dog" / "holiday"
    inner.mkdir()
    for path in sorted((folder / "train" / "dog").glob("*.jpg"))[:20]:
        path.rename(inner / path.name)
    ghosts = folder / "__MACOSX" / "train" / "cat"
    ghosts.mkdir(parents=True)
    for place in (ghosts, first.parent):
        (place / f"._{first.name}").write_bytes(b"\0\5\x16\7" + bytes(90))
    (folder / "train" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


if __name__ == "__main__":
    main()
