"""Load a network's two files on this process' backend and save what it computes."""

import sys
from pathlib import Path

import keras
import numpy as np

from tests.robustness.networks import build
from tests.robustness.networks import to_numpy


def compute(name, folder):
    batch = np.load(folder / "images.npy")
    logits = keras.saving.load_model(folder / "model.keras")
    probabilities = build(
        name, batch.shape[1], weights=str(folder / "model.weights.h5")
    )
    np.savez(
        folder / f"{keras.backend.backend()}.npz",
        logits=to_numpy(logits(batch)),
        probabilities=to_numpy(probabilities(batch)),
    )


if __name__ == "__main__":
    compute(sys.argv[1], Path(sys.argv[2]))
