"""Train networks on CIFAR-10 on one GPU with Keras on JAX, without TensorFlow.

The images stay on the device, and an epoch is one compiled loop. Optimizer, schedule
and augmentation (crops of images padded by 4 pixels, flips) are those of the recipes
`cifar10_*`.

    python -m benchmarks.gpu.pack_cifar10 --data-dir DIR cifar10
    KERAS_BACKEND=jax python -m benchmarks.gpu.train_cifar10 cifar10 OUT \
        --runs 56:residual:0 56:naive:0 --epochs 30 --minutes 9

A run NETWORK:ATTENTION:SEED writes OUT/NAME.csv, with one line per epoch, and
OUT/NAME.npz, its weights with float16 kernels. At the time limit (--minutes) the run
ends after its epoch and writes NAME_cut.csv and NAME_cut.npz; later runs are skipped. A
run whose loss becomes NaN or infinite ends and writes only NAME_cut.csv; the next run
starts.
"""

import argparse
import csv
import pathlib
import time

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_resattn import cifar
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.optimizer import WarmUpAndDecline
from keras_resattn.weights import save_packed

MEAN = np.array([125.307, 122.950, 113.865], "float32")
STD = np.array([62.993, 62.089, 66.705], "float32")
PADDING = 4


def standardize(images):
    return (images.astype("float32") - MEAN) / STD


def augment(images, key):
    """Crop each padded image at a random position; flip half of the images."""
    keys = jax.random.split(key, 3)
    count, size = images.shape[:2]
    sides = [(0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)]
    places = jax.random.randint(keys[0], (count, 2), 0, 2 * PADDING + 1)

    def crop(image, place):
        return jax.lax.dynamic_slice(image, (*place, 0), (size, size, 3))

    images = jax.vmap(crop)(jnp.pad(images, sides), places)
    flipped = jax.random.bernoulli(keys[1], 0.5, (count, 1, 1, 1))
    return jnp.where(flipped, images[:, :, ::-1], images)


class Training:
    """A network, its optimizer and the compiled functions of an epoch and a test."""

    def __init__(self, depth, attention, seed, options, images):
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy(options.policy)
        build = getattr(cifar, f"Attention{depth}")
        self.model = build(attention=attention)
        steps = len(images) // options.batch_size
        rate = WarmUpAndDecline(
            options.learning_rate,
            options.epochs * steps,
            int(options.warmup_epochs * steps),
            options.schedule,
            (0.4, 0.6),
        )
        self.optimizer = CoupledSGD(
            rate,
            momentum=0.9,
            nesterov=True,
            coupled_weight_decay=options.weight_decay,
        )
        self.optimizer.build(self.model.trainable_variables)
        self.batch_size = options.batch_size
        self.epoch = jax.jit(self._epoch, donate_argnums=0)
        self.test = jax.jit(self._test)

    def state(self):
        model = self.model
        return tuple(
            [variable.value for variable in variables]
            for variables in (
                model.trainable_variables,
                model.non_trainable_variables,
                self.optimizer.variables,
            )
        )

    def load(self, state):
        trainable, rest, _ = state
        for variable, value in zip(
            self.model.trainable_variables, trainable, strict=True
        ):
            variable.assign(value)
        for variable, value in zip(
            self.model.non_trainable_variables, rest, strict=True
        ):
            variable.assign(value)

    def _loss(self, trainable, rest, images, labels):
        probabilities, rest = self.model.stateless_call(
            trainable, rest, images, training=True
        )
        losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        correct = jnp.mean(jnp.argmax(probabilities, -1) == labels)
        return jnp.mean(losses), (rest, correct)

    def _epoch(self, state, images, labels, key):
        order_key, key = jax.random.split(key)
        steps = len(images) // self.batch_size
        order = jax.random.permutation(order_key, len(images))
        order = order[: steps * self.batch_size].reshape(steps, self.batch_size)

        def step(state, inputs):
            chosen, key = inputs
            trainable, rest, optimizer = state
            batch = standardize(augment(images[chosen], key))
            (loss, (rest, correct)), gradients = jax.value_and_grad(
                self._loss, has_aux=True
            )(trainable, rest, batch, labels[chosen])
            trainable, optimizer = self.optimizer.stateless_apply(
                optimizer, gradients, trainable
            )
            return (trainable, rest, optimizer), (loss, correct)

        keys = jax.random.split(key, steps)
        state, (losses, correct) = jax.lax.scan(step, state, (order, keys))
        return state, losses.mean(), correct.mean()

    def _test(self, state, images, labels):
        trainable, rest, _ = state

        def step(_, inputs):
            batch, truth = inputs
            probabilities, _ = self.model.stateless_call(
                trainable, rest, standardize(batch), training=False
            )
            return None, jnp.mean(jnp.argmax(probabilities, -1) == truth)

        parts = (images.reshape(-1, 500, *images.shape[1:]), labels.reshape(-1, 500))
        return jax.lax.scan(step, None, parts)[1].mean()


def run(name, options, data, out, deadline):
    """Train one network until its last epoch, the deadline or a loss of NaN."""
    depth, attention, seed = name.split(":")
    train_images, train_labels, *test = map(jnp.asarray, data)
    training = Training(depth, attention, int(seed), options, train_images)
    state, key = training.state(), jax.random.key(int(seed))
    rows = []
    for epoch in range(options.epochs):
        start = time.perf_counter()
        state, loss, accuracy = training.epoch(
            state, train_images, train_labels, jax.random.fold_in(key, epoch)
        )
        loss = float(loss)
        seconds = time.perf_counter() - start
        tested = float(training.test(state, *test))
        rows.append([epoch, loss, float(accuracy), tested, round(seconds, 3)])
        print(name, *(f"{value:.4f}" for value in rows[-1]), flush=True)
        if not np.isfinite(loss) or time.monotonic() > deadline:
            break
    is_whole = len(rows) == options.epochs and np.isfinite(loss)
    title = f"cifar10_attention{depth}_{attention}_{options.epochs}epochs_seed{seed}"
    title += "" if is_whole else "_cut"
    with (out / f"{title}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss", "accuracy", "val_accuracy", "seconds"])
        writer.writerows(rows)
    if np.isfinite(loss):
        training.load(state)
        save_packed(training.model, out / f"{title}.npz")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="the folder with the packed images")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--runs", nargs="+", required=True, metavar="56:residual:0")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=0.2)
    parser.add_argument("--warmup-epochs", type=float, default=3)
    parser.add_argument("--schedule", default="cosine")
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--policy", default="mixed_bfloat16")
    parser.add_argument("--minutes", type=float, default=9)
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    parts = sorted(pathlib.Path(options.data).glob("*.npz"))
    loaded = {name: value for part in parts for name, value in np.load(part).items()}
    data = [
        np.concatenate([loaded[n] for n in sorted(loaded) if n.startswith(prefix)])
        for prefix in ("train_images", "train_labels", "test_images", "test_labels")
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, ", end="")
    print(f"Keras {keras.__version__}, {vars(options)}", flush=True)
    for name in options.runs:
        if time.monotonic() > deadline:
            print(f"Skipped {name}: the time limit was reached.", flush=True)
            continue
        run(name, options, data, options.out, deadline)


if __name__ == "__main__":
    main()
