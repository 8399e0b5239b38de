"""Keras' own tools work on a new network, and on one that was loaded."""

import copy
import functools
import io
import warnings

import keras
import numpy as np
import pytest

from keras_resattn import ResidualAttentionNetwork
from keras_resattn import Stage
from keras_resattn.compatibility import pytorchcv
from keras_resattn.views.graph import flatten_layers
from keras_resattn.zoo import NETWORKS as ZOO

SMALL = functools.partial(
    ResidualAttentionNetwork,
    [Stage(64, 1, modules=1, mask_depth=2), Stage(64, 2, modules=0)],
    "cifar",
    t=1,
    classes=3,
    dropout=0.1,
)
OPTIONS = [
    {"unit": unit, "mask_structure": structure}
    for unit in ("pre_activation", "resnext", "inception")
    for structure in ("encoder_decoder", "local")
]
OPTIONS += [{"stochastic_depth": 0.2, "remat": True}, {"attention": "naive"}]
NETWORKS = {name: info.network for name, info in ZOO.items()}
NETWORKS["pytorchcv_attention56"] = pytorchcv.Attention56


def shape(size):
    first = keras.config.image_data_format() == "channels_first"
    return (3, size, size) if first else (size, size, 3)


def small(**options):
    return SMALL(input_shape=shape(16), **options)


def unbuilt(model):
    return [layer.path for layer in flatten_layers(model) if not layer.built]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_layer_is_built_when_new_loaded_and_cloned(options, tmp_path):
    model = small(**options)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for network in (model, loaded, keras.models.clone_model(model)):
        assert unbuilt(network) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_every_network_is_built(name):
    size = {"inception_resnet_v1": 75, "inception_resnet_v2": 75}.get(name, 32)
    model = NETWORKS[name](input_shape=shape(size), weights=None)
    assert unbuilt(model) == []


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_new_and_a_loaded_network_are_quantized(mode, tmp_path):
    keras.utils.set_random_seed(3)
    model = small()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((2, *shape(16)), "float32")
    expected = model.predict(x, verbose=0)
    for network in (model, loaded):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras names what it does not quantize
            network.quantize(mode)
        assert network.layers[-1].quantization_mode == mode
        found = network.predict(x, verbose=0)
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_a_new_network_is_summarized_plotted_and_cloned():
    model = small()
    lines = io.StringIO()
    model.summary(120, print_fn=lambda line: lines.write(line), expand_nested=True)
    assert "stage1_attention1_mask" in lines.getvalue()
    config = model.get_config()
    again = type(model).from_config(copy.deepcopy(config))
    assert again.get_config() == config
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = np.random.default_rng(0).random((2, *shape(16)), "float32")
    np.testing.assert_allclose(
        clone.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    graph = keras.utils.model_to_dot(model, expand_nested=True, show_shapes=True)
    assert len(graph.get_edges()) >= len(model.layers) - 1


def rows_of_summary(model, **options):
    """Return the first column of a summary, a text per layer."""
    lines = []
    model.summary(
        print_fn=lambda line, **_: lines.append(line), expand_nested=True, **options
    )
    rows, row = [], ""
    for line in "\n".join(lines).splitlines()[4:]:
        if line.startswith("│"):
            row += line.split("│")[1].strip()
        elif line.startswith(("├", "└")):
            rows, row = [*rows, row], ""
    return rows


# What `docs/networks.md` recommends for narrow terminals.
NARROW = [0.45, 0.65, 0.8, 1.0]


@pytest.mark.parametrize(
    "name",
    [
        "cifar_attention56",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in NETWORKS
            if name not in ("cifar_attention56", "tiny")
        ),
    ],
)
def test_a_summary_names_every_layer(name, monkeypatch):
    size = {"inception_resnet_v1": 75, "inception_resnet_v2": 75}.get(name, 32)
    model = NETWORKS[name](input_shape=shape(size), weights=None)
    for columns, options in ((112, {}), (80, {"positions": NARROW})):
        monkeypatch.setenv("COLUMNS", str(columns))
        rows = rows_of_summary(model, **options)
        assert len(rows) == len(model.layers)
        assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("loaded", [False, True])
def test_low_rank_adapters_train_the_classifier(loaded, tmp_path):
    model = small()
    if loaded:
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    before = len(model.trainable_weights)
    model.layers[-1].enable_lora(2)
    assert len(model.trainable_weights) == before + 1  # two factors for one kernel
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).random((2, *shape(16)), "float32")
    frozen = keras.ops.convert_to_numpy(model.layers[-1]._kernel)
    model.fit(x, np.array([0, 1]), verbose=0)
    after = keras.ops.convert_to_numpy(model.layers[-1]._kernel)
    np.testing.assert_array_equal(after, frozen)
