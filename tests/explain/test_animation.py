"""Animations, read again by Pillow."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resattn import explain
from keras_resattn import training

MODULES = ["stage1_attention1", "stage2_attention1"]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.gif", "GIF"), ("a.png", "PNG"), ("a.apng", "PNG")]
)
def test_an_animation_goes_through_the_modules(tmp_path, name, kind):
    masks = {
        module: np.full((1, 4, 4), value)
        for module, value in zip(MODULES, (0.1, 0.9), strict=True)
    }
    path = explain.module_animation(np.zeros((1, 8, 8, 3)), masks, tmp_path / name)
    with Image.open(path) as animation:
        assert (animation.format, animation.n_frames) == (kind, 2)
        assert animation.info["duration"] == 1000
        assert animation.info["loop"] == 0
        frames = []
        for i in range(2):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("RGB"), int))
    assert np.abs(frames[0] - frames[1]).max() > 100


def test_the_amplification_is_animated_on_one_scale_per_module(tmp_path):
    ramp = np.linspace(1.2, 1.6, 16).reshape(1, 4, 4)
    maps = dict(zip(MODULES, (ramp, ramp[:, ::-1]), strict=True))
    image = np.zeros((1, 8, 8, 3))
    path = explain.amplification_animation(image, maps, tmp_path / "a.gif")
    with Image.open(path) as animation:
        assert animation.n_frames == 2
        first = np.asarray(animation.convert("RGB"), int)
        animation.seek(1)
        assert np.abs(first - np.asarray(animation.convert("RGB"), int)).max() > 100


def test_a_gif_keeps_the_rare_colours_of_the_bar(tmp_path):
    masks = {"stage1_attention1": np.full((1, 4, 4), 0.5)}
    image = np.random.default_rng(0).uniform(0, 90, (1, 32, 32, 3))
    shown = []
    for name in ("a.gif", "a.png"):
        path = explain.module_animation(image, masks, tmp_path / name)
        with Image.open(path) as picture:
            shown.append(np.asarray(picture.convert("RGB"), int))
    width = shown[0].shape[1]
    bar = np.abs(shown[0] - shown[1])[:, int(0.85 * width) :]
    assert bar.max() < 30


def test_an_animation_goes_through_the_epochs(tmp_path, model_folder, inputs, pictures):
    model = keras.models.clone_model(model_folder.model)
    model.set_weights(model_folder.model.get_weights())
    last = tmp_path / "last.keras"
    model.save(last)

    def epochs():
        yield model
        for weight in model.trainable_weights:
            if "_mask" in weight.path and "kernel" in weight.path:
                weight.assign(weight + 3.0)
        yield model
        yield last

    path = explain.epoch_animation(
        epochs(),
        model_folder.images(pictures[:1]),
        inputs[:1],
        MODULES[0],
        tmp_path / "epochs.png",
        names=["weights"] * 3,
    )
    with Image.open(path) as animation:
        assert animation.n_frames == 3
        frames = []
        for i in range(3):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("RGB"), int))
    assert np.abs(frames[0] - frames[1]).max() > 50
    np.testing.assert_array_equal(frames[0], frames[2])


class EveryEpoch(keras.callbacks.Callback):
    """The callback of docs/explain.md."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        network = self.model.layers[-1]
        network.save_weights(self.folder / f"{epoch + 1:03}.weights.h5")


@pytest.mark.slow
def test_a_run_can_keep_what_an_animation_of_its_epochs_needs(
    tmp_path, small_recipe, pictures
):
    callback = EveryEpoch(tmp_path)
    folder = training.fit(small_recipe, tmp_path / "run", callbacks=[callback])
    images = folder.images(pictures[:1])
    inputs = folder.preprocessing.standardize(images)
    last = explain.mean_masks(folder.model, inputs)[MODULES[0]]
    shown = []

    def epochs(model):
        for path in sorted(tmp_path.glob("*.weights.h5")):
            model.load_weights(path)
            shown.append(explain.mean_masks(model, inputs)[MODULES[0]])
            yield model

    models, path = epochs(folder.model), tmp_path / "epochs.gif"
    explain.epoch_animation(models, images, inputs, MODULES[0], path, stretch=True)
    assert len(shown) == 2
    np.testing.assert_allclose(shown[1], last, atol=1e-5)
    assert np.abs(shown[0] - shown[1]).max() > 1e-4
    with Image.open(path) as animation:
        assert animation.n_frames == 2


def test_an_animation_that_cannot_be_is_named(tmp_path, model_folder, inputs):
    images = np.zeros((1, 8, 8, 3))
    masks = {MODULES[0]: np.zeros((1, 4, 4))}
    with pytest.raises(ValueError, match=".gif or .png.*Received: .*a.mp4"):
        explain.module_animation(images, masks, tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="nothing to animate.*Received"):
        explain.epoch_animation([], images, inputs, MODULES[0], tmp_path / "a.gif")
    models = [model_folder.model]
    with pytest.raises(ValueError, match=f"{MODULES[0]}.*Received: module='x'"):
        explain.epoch_animation(models, images, inputs[:1], "x", tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())
