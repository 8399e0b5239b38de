"""A network that was built in Python goes through `fit` into a model folder."""

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import training
from keras_resattn.recipes.files import load_recipe
from tests.training.recipes import changed
from tests.training.test_resume import StopAt
from tests.training.test_resume import check_same


def network(classes=2, activation="softmax", size=16, **options):
    """Return a network that no recipe can describe."""
    image = keras.Input((size, size, 3))
    body = keras_resattn.ResidualAttentionNetwork(
        [keras_resattn.Stage(8, 2, 1, mask_depth=1)],
        "cifar",
        t=1,
        include_top=False,
        pooling="avg",
        input_shape=(size, size, 3),
    )
    x = keras.layers.Dropout(0.3)(body(image))
    outputs = keras.layers.Dense(classes, activation, **options)(x)
    return keras.Model(image, outputs, name="my_network")


@pytest.fixture(scope="module")
def given():
    keras.utils.set_random_seed(3)
    return network()


@pytest.fixture(scope="module")
def trained(small_recipe, given, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mine"
    return training.fit(small_recipe, out, network=given, callbacks=[])


def test_the_folder_has_the_trained_copy(trained, given, pictures):
    assert trained.recipe.network.name == "my_network"
    assert trained.predict(pictures).shape == (5, 2)
    assert (trained.path / "card.md").read_text().count("my_network")
    assert not (trained.path / "network.keras").exists()
    pairs = list(zip(given.weights, trained.model.weights, strict=True))
    assert any(not np.array_equal(a, b) for a, b in pairs)
    keras.utils.set_random_seed(3)
    for new, kept in zip(network().get_weights(), given.get_weights(), strict=True):
        np.testing.assert_array_equal(new, kept)  # the given network did not change
    assert keras_resattn.attention_masks(trained.model).output.keys()


def test_an_interrupted_run_is_resumed_without_the_network(
    small_recipe, given, trained, tmp_path
):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(small_recipe, out, network=given, callbacks=[StopAt(1)])
    assert (tmp_path / "run.partial" / "network.keras").is_file()
    with pytest.raises(ValueError, match="The run has another network"):
        training.fit(small_recipe, out, resume=True, network=network(3), callbacks=[])
    check_same(training.fit(None, out, resume=True, callbacks=[]), trained)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"classes": 3}, "data has 2 classes.*output shape .None, 3."),
        ({"activation": None}, "must return probabilities.*softmax"),
        ({"activation": "sigmoid"}, "must return probabilities.*last layer 'dense"),
        ({"size": 24}, r"images of shape \[16, 16, 3\].*24, 24"),
    ],
)
def test_a_network_that_does_not_fit_is_an_error(
    arguments, reason, small_recipe, tmp_path
):
    with pytest.raises(ValueError, match=reason):
        training.fit(
            small_recipe, tmp_path / "run", network=network(**arguments), callbacks=[]
        )
    assert not list(tmp_path.iterdir())


def test_another_precision_is_an_error(small_recipe, given, tmp_path):
    recipe = changed(small_recipe, {"precision": "mixed_bfloat16"})
    with pytest.raises(
        ValueError, match="another precision.*set_dtype_policy.*float32"
    ):
        training.fit(recipe, tmp_path / "run", network=given, callbacks=[])


def test_half_precision_beside_a_float32_classifier_is_found(small_recipe, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        given = network(dtype="float32")
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match=r"a network in \['float16', 'float32'\]"):
        training.fit(small_recipe, tmp_path / "run", network=given, callbacks=[])


def test_the_recipe_alone_does_not_build_the_network(trained, tmp_path, capsys):
    with pytest.raises(ValueError, match="was built in Python.*'my_network'"):
        load_recipe(trained.path / "recipe.yaml")
    with pytest.raises(ValueError, match="Give it again.*network=None for 'my_net"):
        training.fit(trained.recipe, tmp_path / "run", callbacks=[])
    training.fit(None, trained.path, resume=True)
    assert "fit(folder.recipe, OUT, network=folder.model)" in capsys.readouterr().out


def test_the_precision_of_a_given_network_does_not_change(
    small_recipe, given, tmp_path
):
    with pytest.raises(KeyboardInterrupt):
        training.fit(
            small_recipe, tmp_path / "run", network=given, callbacks=[StopAt(1)]
        )
    with pytest.raises(ValueError, match="precision of a network that was built"):
        training.fit(
            None, tmp_path / "run", resume=True, settings=["precision=bfloat16"]
        )


def test_layers_that_the_user_froze_stay_frozen(small_recipe, tmp_path):
    given = network(name="head")
    given.layers[1].get_layer("stage1_unit1").trainable = False
    recipe = changed(
        small_recipe,
        {"train.freeze": "body", "train.unfreeze_after": 1, "train.epochs": 2},
    )
    before = [layer.get_weights() for layer in given.layers[1].layers]
    folder = training.fit(recipe, tmp_path / "run", network=given, callbacks=[])
    body = folder.model.layers[1]
    for layer, weights in zip(body.layers, before, strict=True):
        pairs = zip(layer.get_weights(), weights, strict=True)
        same = all(np.array_equal(*pair) for pair in pairs)
        is_unit = layer.name == "stage1_unit1"
        assert layer.trainable is not is_unit
        assert same == (is_unit or not weights), layer.name


UNIT = """
import keras

@keras.saving.register_keras_serializable(package="my_units")
class Plain(keras.layers.Layer):
    def __init__(self, filters, strides=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.strides = filters, strides
        self.data_format = data_format
        self.conv = keras.layers.Conv2D(
            filters, 3, strides, "same", data_format=data_format
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, inputs):
        return self.conv(inputs)

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def get_config(self):
        own = ("filters", "strides", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class NotRegistered(Plain):
    pass
"""


def test_a_unit_of_a_module_is_trained_if_code_is_allowed(
    small_recipe, tmp_path, monkeypatch
):
    (tmp_path / "my_units.py").write_text(UNIT)
    monkeypatch.chdir(tmp_path)
    recipe = changed(
        small_recipe,
        {"network.arguments": {"unit": "my_units:Plain"}, "train.epochs": 1},
    )
    (tmp_path / "mine.yaml").write_text(recipe.to_yaml())
    place = r"Recipe mine.yaml, line \d+, network.arguments.unit: "
    with pytest.raises(ValueError, match=place + "This unit is code.*--allow-code"):
        load_recipe("mine.yaml")
    for unit, reason in (
        ("my_units:Absent", "no attribute 'Absent'"),
        ("no_such_module:Plain", "No module named"),
        ("my_units:NotRegistered", "register_keras_serializable"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_recipe(
                "mine.yaml", [f"network.arguments.unit={unit}"], allow_code=True
            )
    recipe = load_recipe("mine.yaml", allow_code=True)
    folder = training.fit(recipe, tmp_path / "run", callbacks=[])
    opened = keras_resattn.load_model(folder.path, allow_code=True)
    assert any(type(x).__name__ == "Plain" for x in opened.model._flatten_layers())
