"""Write the saved models and runs of this folder: `python -m tests.saved_before.make`.

Version 0.1.0 wrote them, before its modules moved. They are kept as they are: later
versions must load them. Run this again only into another folder, for a new version.
"""

import shutil
import sys
from pathlib import Path

import keras
import numpy as np

import keras_resattn
from keras_resattn import training
from keras_resattn.recipes.files import load_recipe
from keras_resattn.training.optimizer import CoupledSGD
from keras_resattn.training.optimizer import WarmUpAndDecline
from tests.training.tiny_command import add_tiny_network

RECIPE = [
    "network.name=tiny",
    "network.input_shape=[16, 16, 1]",
    "preprocessing.mean=[72.94]",
    "preprocessing.std=[90.02]",
    "augmentation.crop_padding=2",
    "train.epochs=2",
    "train.batch_size=500",
    "train.ema_momentum=0.9",
]
NETWORKS = {
    "pre_activation": {},
    "resnext": {"unit": "resnext"},
    "inception": {"unit": "inception", "attention": "naive"},
    "local": {"mask_structure": "local", "mask_activation": "channel"},
    "remat": {"remat": True, "stochastic_depth": 0.2, "dropout": 0.1},
}


def images():
    return np.random.default_rng(0).random((2, 16, 16, 3), "float32")


class StopInSecondEpoch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def make_networks(out):
    outputs = {}
    for name, arguments in NETWORKS.items():
        width = {"resnext": 64, "inception": 32}.get(name, 8)
        model = keras_resattn.ResidualAttentionNetwork(
            [keras_resattn.Stage(width, 2, 1, mask_depth=1)],
            "cifar",
            t=1,
            input_shape=(16, 16, 3),
            classes=3,
            **arguments,
        )
        rate = WarmUpAndDecline(0.1, steps=10, warmup_steps=2)
        model.compile(CoupledSGD(rate, coupled_weight_decay=1e-4), "mse")
        model.save(out / f"{name}.keras")
        outputs[name] = model.predict(images(), verbose=0)
        masks = keras_resattn.attention_masks(model)
        for part, mask in masks.predict(images(), verbose=0).items():
            outputs[f"{name}_{part}"] = mask
    np.savez_compressed(out / "outputs.npz", **outputs)


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    make_networks(out)
    add_tiny_network()
    recipe = load_recipe("demo", RECIPE)
    try:
        training.fit(recipe, out / "run", callbacks=[StopInSecondEpoch()])
    except KeyboardInterrupt:
        shutil.copytree(out / "run.partial", out / "half")
    folder = training.fit(None, out / "run", resume=True, callbacks=[])
    np.savez_compressed(out / "run.npz", *folder.model.get_weights())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
