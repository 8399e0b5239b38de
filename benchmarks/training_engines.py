"""Run one engine of the training benchmark in this process.

    python -m benchmarks.training_engines RECIPE BATCH ENGINE

For each line of standard input it trains one step, always on the same batch, and prints
its seconds. At the end of the input it prints the memory of training in MiB: the peak
minus what the process used before it built the network.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

WARM_UP = 2


def main():
    recipe, batch, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    make = ENGINES[name]()
    before = memory("VmRSS")
    step = make(recipe, batch)
    for _ in range(WARM_UP):  # to trace, reorder weights and choose kernels
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)
    print(memory("VmHWM") - before, flush=True)


def memory(field):
    """Return the memory of this process in MiB: `VmRSS` now, `VmHWM` at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/self/status has no such field. Received: {field}")


def images_and_labels(recipe, batch):
    """Return random pixels (uint8) and classes in the shape that the recipe needs."""
    rng = np.random.default_rng(0)
    shape = (batch, *recipe.network.input_shape)
    pixels = rng.integers(0, 256, shape, dtype="uint8")
    return pixels, rng.integers(0, classes(recipe), batch)


def classes(recipe):
    return 1000 if recipe.data.name == "imagenet2012" else 10


def ours(precision, *settings):
    """Return a function that prepares a step as `keras-resattn train` runs it."""

    def begin():
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # like the command
        from keras_resattn.model_folder import preprocessing_of
        from keras_resattn.recipes.files import load_recipe
        from keras_resattn.training.build import build_model

        def make(name, batch):
            recipe = load_recipe(name, [f"precision={precision}", *settings])
            pixels, labels = images_and_labels(recipe, batch)
            _, model = build_model(
                recipe, preprocessing_of(recipe), classes(recipe), steps_per_epoch=1000
            )
            # Like the pipeline: label smoothing and mixing need one share per class.
            shares = np.eye(classes(recipe), dtype="float32")[labels]
            return lambda: model.train_on_batch(pixels, shares)

        return make

    return begin


def plain_keras():
    """Return the maker of a step of plain Keras, which uses only our layers."""
    import keras

    from keras_resattn import create_model
    from keras_resattn.recipes.files import load_recipe

    def make(name, batch):
        recipe = load_recipe(name)
        pixels, labels = images_and_labels(recipe, batch)
        model = create_model(
            recipe.network.name,
            input_shape=recipe.network.input_shape,
            classes=classes(recipe),
        )
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
        images = pixels.astype("float32") / 255
        return lambda: model.train_on_batch(images, labels)

    return make


def keras_on_pytorch():
    os.environ["KERAS_BACKEND"] = "torch"
    return plain_keras()


def pytorchcv(channels_last=True, bfloat16=False):
    """Return a function that prepares a step of pytorchcv's network in PyTorch.

    In bfloat16, PyTorch chooses the operations that compute in it: `torch.autocast`.
    """

    def begin():
        os.environ["KERAS_BACKEND"] = "torch"  # the recipe imports Keras
        import torch
        from pytorchcv.models.resattnet import resattnet56

        from keras_resattn.recipes.files import load_recipe

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        layout = torch.channels_last if channels_last else torch.contiguous_format

        def make(name, batch):
            pixels, labels = images_and_labels(load_recipe(name), batch)
            network = resattnet56().train().to(memory_format=layout)
            optimizer = torch.optim.SGD(
                network.parameters(), 0.1, momentum=0.9, nesterov=True
            )
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            images = images.contiguous(memory_format=layout)
            labels = torch.from_numpy(labels)

            def step():
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    scores = network(images)
                loss = torch.nn.functional.cross_entropy(scores.float(), labels)
                loss.backward()
                optimizer.step()
                return loss.item()

            return step

        return make

    return begin


ENGINES = {
    "ours": ours("float32"),
    "ours, bfloat16": ours("mixed_bfloat16"),
    "ours, remat": ours("float32", "network.remat=true"),
    "plain Keras": plain_keras,
    "PyTorch": pytorchcv(channels_last=False),
    "PyTorch channels_last": pytorchcv(),
    "PyTorch bfloat16": pytorchcv(bfloat16=True),
    "Keras on PyTorch": keras_on_pytorch,
}


if __name__ == "__main__":
    main()
