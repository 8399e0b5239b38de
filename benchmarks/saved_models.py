"""Measure memory and time of the SavedModels of Attention-56, one image at a time.

    python -m benchmarks.saved_models

Each SavedModel is measured with and without TF_ONEDNN_ASSUME_FROZEN_WEIGHTS=1, in a
process of its own, in turn. The weights are random.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIGNATURE = "predict_images"
SIZE = 224
ROUNDS = 3
CALLS = 20
MIB = 2**20


def main():
    if len(sys.argv) > 1:
        print(json.dumps(_measure(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as root:
        names = _export(Path(root))
        rows = [(name, kept) for name in names for kept in ("0", "1")]
        rounds = [
            [_measured(Path(root, name), kept) for name, kept in rows]
            for _ in range(ROUNDS)
        ]
        _print(root, rows, rounds)


def _export(root):
    import keras_resattn
    from benchmarks.inference_models import SAVED_MODELS
    from benchmarks.inference_models import make_folder
    from keras_resattn.export import export

    folder = make_folder(root / "model", keras_resattn.Attention56())
    for name, options in SAVED_MODELS.items():
        export(folder, root / name / "1", warmup=False, **options)
    return list(SAVED_MODELS)


def _measured(path, kept):
    environment = os.environ | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": kept,
    }
    command = [sys.executable, "-m", "benchmarks.saved_models", str(path)]
    output = subprocess.check_output(command, env=environment, text=True)
    return json.loads(output.splitlines()[-1])


def _measure(path):
    import tensorflow as tf

    before = _memory()
    loaded = tf.saved_model.load(f"{path}/1")
    after_loading = _memory()
    predict = loaded.signatures[SIGNATURE]
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(0, 255, (1, SIZE, SIZE, 3)), tf.float32)
    predict(images=images)
    after_first = _memory()
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        predict(images=images)["probabilities"].numpy()
        seconds.append(time.perf_counter() - start)
    return {
        "milliseconds": 1000 * min(seconds),
        "loaded": (after_loading - before) / MIB,
        "first": (after_first - before) / MIB,
    }


def _memory():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _print(root, rows, rounds):
    print("| SavedModel | kernels kept | file, MB | after loading, MiB | ", end="")
    print("after the first image, MiB | ms per image |\n|---|---|---|---|---|---|")
    for (name, kept), *measured in zip(rows, *rounds, strict=True):
        size = sum(f.stat().st_size for f in Path(root, name).rglob("*"))
        least = {key: min(m[key] for m in measured) for key in measured[0]}
        print(
            f"| {name} | {'yes' if kept == '1' else 'no'} | {size / 1e6:.0f} | "
            f"{least['loaded']:.0f} | {least['first']:.0f} | "
            f"{least['milliseconds']:.1f} |"
        )


if __name__ == "__main__":
    main()
