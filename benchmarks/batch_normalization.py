"""Time training steps with Keras' batch normalization and with the fused kernel.

    python -m benchmarks.batch_normalization

Both models are trained in one process, one after the other in each round. A ratio
compares two times of the same round.
"""

import statistics
import time

import keras
import numpy as np

import keras_resattn
from keras_resattn.training.fused_normalization import fuse_batch_normalization

BATCH, STEPS, ROUNDS = 64, 6, 5


def main():
    models = {name: network() for name in ("keras", "fused")}
    fuse_batch_normalization(models["fused"])
    images = np.random.rand(BATCH * STEPS, 28, 28, 1).astype("float32")
    labels = np.random.randint(0, 10, len(images))
    speeds = {name: [] for name in models}
    for i in range(ROUNDS + 1):  # the first round traces the functions
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(images, labels, batch_size=BATCH, verbose=0)
            if i:
                speeds[name].append(len(images) / (time.perf_counter() - start))
    ratios = [b / a for a, b in zip(*speeds.values(), strict=True)]
    for name, values in speeds.items():
        print(f"{name}: {statistics.median(values):.0f} images/s (median of {ROUNDS})")
    print(
        f"ratio: median {statistics.median(ratios):.2f}, "
        f"{min(ratios):.2f} to {max(ratios):.2f}"
    )


def network():
    model = keras_resattn.cifar.Attention56(input_shape=(28, 28, 1))
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    return model


if __name__ == "__main__":
    main()
