"""One step of training, and whether it moved every weight."""

import keras
import numpy as np

from tests.robustness.networks import images
from tests.robustness.networks import to_numpy

# Dynamic loss scaling begins at 2 ** 15 and skips steps until nothing overflows.
SKIPPED = 16


def compiled(model, learning_rate=0.1, **options):
    optimizer = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    # Else TensorFlow would trace the step twice, as the first makes variables.
    model.optimizer.build(model.trainable_weights)
    return model


def unmoved_by_a_step(model, batch_size=8):
    """Train one step; return the loss and the weights that are as they were."""
    before = [to_numpy(weight) for weight in model.trainable_weights]
    batch = images(batch_size, *model.input_shape[1:])
    labels = np.arange(batch_size) % model.output_shape[-1]
    for _ in range(SKIPPED):
        loss = model.train_on_batch(batch, labels)
        if keras.config.dtype_policy().compute_dtype != "float16":
            break
        if int(model.optimizer.inner_optimizer.iterations):
            break
    unmoved = [
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(to_numpy(weight), old)
    ]
    return float(loss), unmoved
