"""Layers are frozen and released, exactly also on resuming."""

import keras
import numpy as np
import pytest

from keras_resattn import training
from keras_resattn.recipes.settings import Train
from keras_resattn.training.freezing import frozen_layers
from keras_resattn.zoo import create_model
from tests.training.recipes import changed


class WeightsOfEpochs(keras.callbacks.Callback):
    """Keep the weights of the network before and after each epoch."""

    def __init__(self, stop=None):
        super().__init__()
        self.weights, self.stop = [], stop

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.stop:
            raise KeyboardInterrupt
        self.network = self.model.layers[-1]
        self.weights.append(self.network.get_weights())

    def on_train_end(self, logs=None):
        self.weights.append(self.network.get_weights())


def moved(network, before, after):
    """Return the names of the layers whose weights are not the same."""
    unequal = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    owners = [layer.name for layer in network.layers for _ in layer.weights]
    return {name for name, is_moved in zip(owners, unequal, strict=True) if is_moved}


@pytest.fixture(scope="module")
def network():
    return create_model("tiny", input_shape=(16, 16, 3), classes=2)


def test_the_body_is_all_but_the_head_and_the_stages_end_before_the_last(network):
    names = [layer.name for layer in network.layers]
    body = [layer.name for layer in frozen_layers(network, "body")]
    assert body == names[: names.index("predictions")]
    stages = [layer.name for layer in frozen_layers(network, "stages")]
    assert stages == names[: names.index("stage2_unit1")]
    assert "stem_conv" in stages


def mine(network):
    """Return a network with a head of another name."""
    body = keras.Model(network.input, network.get_layer("post_relu").output)
    body.name = "body"
    layers = [body, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((16, 16, 3)), *layers])


def test_a_network_without_the_part_is_named(network):
    headless = keras.Model(network.input, network.get_layer("post_relu").output)
    with pytest.raises(ValueError, match="no classification head.*Received: "):
        frozen_layers(headless, "body")
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert "body" in [layer.name for layer in frozen_layers(mine(network), "body")]
    with pytest.raises(ValueError, match="`train.body_rate_factor` does not work"):
        frozen_layers(headless, "body", "train.body_rate_factor")
    with pytest.raises(ValueError, match="no second stage.*Received: "):
        frozen_layers(plain, "stages")


def recipe_of(small_recipe, **settings):
    settings = {f"train.{key}": value for key, value in settings.items()}
    small = {"network.input_shape": (8, 8, 3), "augmentation.crop_padding": 1}
    return changed(small_recipe, small | settings)


def test_a_frozen_body_does_not_move_and_moves_later(small_recipe, tmp_path):
    recipe = recipe_of(small_recipe, epochs=3, freeze="body", unfreeze_after=2)
    seen = WeightsOfEpochs()
    folder = training.fit(recipe, tmp_path / "run", callbacks=[seen])
    network = folder.model
    first, second, third = (
        moved(network, *pair)
        for pair in zip(seen.weights[:-1], seen.weights[1:], strict=True)
    )
    # The saved network can be trained as any other.
    assert all(layer.trainable for layer in network.layers)
    # Not even the moving averages of batch normalization.
    assert first == second == {"predictions"}
    assert {"stem_conv", "stem_bn", "predictions"} <= third
    for stop in (1, 2):
        out = tmp_path / f"stopped{stop}"
        with pytest.raises(KeyboardInterrupt):
            training.fit(recipe, out, callbacks=[WeightsOfEpochs(stop)])
        resumed = training.fit(None, out, resume=True, callbacks=[])
        for one, other in zip(
            resumed.model.get_weights(), network.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_the_last_stage_is_trained_alone(small_recipe, tmp_path):
    seen = WeightsOfEpochs()
    recipe = recipe_of(small_recipe, epochs=1, freeze="stages")
    folder = training.fit(recipe, tmp_path / "run", callbacks=[seen])
    names = moved(folder.model, *seen.weights)
    # Layers that stayed frozen to the end can be trained again.
    assert all(layer.trainable for layer in folder.model.layers)
    assert "stage2_unit1" in names and "post_bn" in names
    assert not any(name.startswith(("stem", "stage1")) for name in names)


def test_progress_measures_the_wait_also_after_the_release(small_recipe, tmp_path):
    progress = training.Progress(12)
    recipe = recipe_of(small_recipe, epochs=2, freeze="body", unfreeze_after=1)
    folder = training.fit(recipe, tmp_path / "run", callbacks=[progress])
    rows = (folder.path / "metrics.csv").read_text().splitlines()
    waits = [float(row.split(",")[2]) for row in rows[1:]]
    assert rows[0].split(",")[2] == "data_wait"
    assert all(0 < wait < 1 for wait in waits)


def test_a_smaller_rate_of_the_body_moves_it_less(small_recipe, tmp_path):
    distances = []
    for factor in (1.0, 0.01):
        seen = WeightsOfEpochs()
        recipe = recipe_of(small_recipe, epochs=1, body_rate_factor=factor)
        folder = training.fit(recipe, tmp_path / str(factor), callbacks=[seen])
        names = [weight.path for weight in folder.model.trainable_weights]
        kernel = next(i for i, name in enumerate(names) if "stem_conv" in name)
        before, after = (weights[kernel] for weights in seen.weights)
        distances.append(np.abs(after - before).mean())
    assert distances[1] < 0.1 * distances[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unfreeze_after": 2}, "needs frozen layers.*Received: unfreeze_after=2"),
        ({"freeze": "body", "ema_momentum": 0.9}, "averaged.*Received: freeze=body"),
    ],
)
def test_settings_that_do_not_work_together_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Train(**settings)
