"""Every view of every kind of nesting is that of the flat network."""

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import explain
from keras_resattn.experiments.response import response_model
from keras_resattn.explain import metrics
from keras_resattn.explain.logits import classifier_of
from keras_resattn.explain.logits import logits_after
from keras_resattn.views.flat import flattened
from keras_resattn.views.modules import attention_modules
from tests.views import nested
from tests.views.nested import arrays
from tests.views.nested import check_same
from tests.views.nested import images
from tests.views.nested import run

MODULES = ["stage1_attention1", "stage2_attention1"]


def pyramid(model):
    maps = keras_resattn.pyramid_outputs(model)
    inputs = flattened(model).input
    return run(keras.Model(inputs, maps), images())


def folded(model):
    model = keras_resattn.fold_batch_norm(model)
    return run(keras_resattn.feature_maps(model), images()), run(model, images())


def with_masks(mode):
    def view(model):
        replaced = keras_resattn.with_masks(model, mode, modules=MODULES[:1])
        others = [images()[::-1]] if mode == "other_image" else []
        return run(replaced, images(), *others)

    return view


def costs(model):
    counted = keras_resattn.complexity(model)
    return {part[:2]: np.asarray(part[2:]) for part in counted.parts}


VIEWS = {
    "attention_masks": lambda m: run(keras_resattn.attention_masks(m), images()),
    "upsampled": lambda m: run(keras_resattn.attention_masks(m, True), images()),
    "feature_maps": lambda m: run(keras_resattn.feature_maps(m), images()),
    "response": lambda m: run(response_model(m), images()),
    "pyramid": pyramid,
    "folded": folded,
    "complexity": costs,
    "with_masks_ones": with_masks("ones"),
    "with_masks_shuffled": with_masks("shuffled_channels"),
    "with_masks_of_others": with_masks("other_image"),
}


@pytest.fixture(scope="module")
def expected(parts):
    """The views of the flat network, each computed once."""
    model, known = nested.flat(*parts), {}

    def view(name, function):
        if name not in known:
            known[name] = function(model)
        return known[name]

    return view


@pytest.mark.parametrize("nesting", nested.NESTINGS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_that_of_the_flat_network(parts, expected, view, nesting):
    right = expected(view, VIEWS[view])
    model = nesting(*parts)
    before = run(model, images())
    check_same(VIEWS[view](model), right)
    np.testing.assert_array_equal(run(model, images()), before)


EXPLANATIONS = {
    "masks": lambda m: explain.masks(m, images()),
    "mean_masks": lambda m: explain.mean_masks(m, images()),
    "amplification": lambda m: explain.amplification(m, images()),
    "integrated_gradients": lambda m: explain.integrated_gradients(
        m, images(), steps=2
    ),
    "hires_cam": lambda m: explain.hires_cam(m, images()),
    "occlusion": lambda m: explain.occlusion(m, images(), size=8, stride=8),
    "rise": lambda m: explain.rise(m, images(), count=2),
    "predictions": lambda m: metrics.predictor(m)(images()),
    "gradient": lambda m: explain.feature_triptych(m, images(), MODULES[1], "gradient")[
        :3
    ],
}


# All of them read the same flattened graph, and views are tested in every nesting.
DIFFERENT = (nested.preprocessed, nested.deep, nested.ends_in_a_network)


@pytest.mark.parametrize(
    "nesting",
    [
        pytest.param(f, marks=() if f in DIFFERENT else pytest.mark.slow)
        for f in nested.NESTINGS
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("name", EXPLANATIONS)
def test_an_explanation_is_that_of_the_flat_network(parts, expected, name, nesting):
    right = expected(name, EXPLANATIONS[name])
    check_same(EXPLANATIONS[name](nesting(*parts)), right)


@pytest.mark.slow
@pytest.mark.one_backend
@pytest.mark.parametrize("method", ["grad_cam", "smooth_grad"])
def test_class_evidence_is_that_of_the_flat_network(parts, method):
    def evidence(model):
        return explain.class_evidence(model, images(), method, samples=2)

    right = evidence(nested.flat(*parts))
    for nesting in DIFFERENT:
        check_same(evidence(nesting(*parts)), right)


def test_logits_are_those_of_the_flat_network(parts):
    for nesting in nested.NESTINGS:
        model = nesting(*parts)
        classifier = classifier_of(model)
        module = attention_modules(model)[MODULES[1]]
        rest = logits_after(module.fused, model, classifier)
        whole = keras.Model(flattened(model).input, module.fused)
        features = whole(images(), training=False)
        probabilities = keras.ops.softmax(rest(features, training=False))
        check_same(arrays(probabilities), run(model, images()))


# === Names ===


def two_networks(pair):
    x = keras.Input(nested.shape(16, 16))
    left, right = pair
    joined = keras.layers.Concatenate()([left(x), right(x)])
    return keras.Model(x, keras.layers.Dense(3, name="predictions")(joined))


def test_two_networks_in_a_model_have_names_of_their_own(pair):
    model = two_networks(pair)
    masks = run(keras_resattn.attention_masks(model), images())
    assert list(attention_modules(model)) == [
        "left_stage1_attention1",
        "right_one_stage1_attention1",
        "left_stage2_attention1",
        "right_one_stage2_attention1",
    ]
    assert set(masks) == set(attention_modules(model))
    for network in pair:
        own = run(keras_resattn.attention_masks(network), images())
        check_same({name: masks[f"{network.name}_{name}"] for name in own}, own)
    # The weights are those of the model.
    assert {id(w) for w in flattened(model).weights} == {id(w) for w in model.weights}


@pytest.mark.parametrize("mode", ["ones", "other_image"])
def test_masks_of_one_of_two_networks_are_replaced(pair, mode):
    model = two_networks(pair)
    others = [images()[::-1]] if mode == "other_image" else []
    replaced = keras_resattn.with_masks(model, mode, modules=["left_stage1_attention1"])
    maps = run(keras_resattn.feature_maps(replaced), images(), *others)
    plain = run(keras_resattn.feature_maps(model), images())
    name = "right_one_stage2_attention1_fused"
    np.testing.assert_allclose(maps[name], plain[name], atol=1e-5)
    name = "left_stage2_attention1_fused"
    assert np.abs(maps[name] - plain[name]).max() > 1e-3


def test_two_networks_are_folded_and_counted(pair):
    model = two_networks(pair)
    copy = keras_resattn.fold_batch_norm(model)
    np.testing.assert_allclose(run(copy, images()), run(model, images()), atol=1e-4)
    masks = run(keras_resattn.attention_masks(copy), images())
    check_same(masks, run(keras_resattn.attention_masks(model), images()), atol=1e-4)
    kinds = [type(layer) for layer in copy.layers]
    count = kinds.count(keras.layers.BatchNormalization)
    alone = [keras_resattn.fold_batch_norm(network).layers for network in pair]
    kinds = [type(layer) for layers in alone for layer in layers]
    assert count == kinds.count(keras.layers.BatchNormalization)

    counted = keras_resattn.complexity(model)
    alone = [keras_resattn.complexity(network) for network in pair]
    dense = (16 + 16) * 3
    assert counted.multiply_adds == sum(c.multiply_adds for c in alone) + dense
    assert counted.parameters == sum(c.parameters for c in alone) + dense + 3
    names = {part.stage for part in counted.parts}
    assert {"left_stem", "left_stage2", "right_one_stage1", "head"} <= names
    assert "right_one_stage1  mask" in str(counted)


def test_a_network_that_is_called_twice_has_masks_of_each_call(pair):
    network = pair[0]
    x, y = (keras.Input(nested.shape(16, 16), name=name) for name in "xy")
    distance = keras.layers.Subtract()([network(x), network(y)])
    model = keras.Model([x, y], distance)
    inputs = images(), images()[::-1]
    masks = run(keras_resattn.attention_masks(model), *inputs)
    assert sorted(masks) == [
        f"left_call{call}_stage{stage}_attention1"
        for call in (1, 2)
        for stage in (1, 2)
    ]
    for call, given in enumerate(inputs, start=1):
        own = run(keras_resattn.attention_masks(network), given)
        check_same({name: masks[f"left_call{call}_{name}"] for name in own}, own)
    copy = keras_resattn.fold_batch_norm(model)
    np.testing.assert_allclose(run(copy, *inputs), run(model, *inputs), atol=1e-4)
    check_same(run(keras_resattn.attention_masks(copy), *inputs), masks)


def test_views_of_two_networks_are_saved_and_loaded(pair, tmp_path):
    masks = keras_resattn.attention_masks(two_networks(pair))
    masks.save(tmp_path / "masks.keras")
    loaded = keras.saving.load_model(tmp_path / "masks.keras")
    check_same(run(loaded, images()), run(masks, images()))


def test_names_of_layers_that_the_outer_model_has_are_the_networks():
    x = keras.Input(nested.shape(16, 16), name="stage1_attention1_mask")
    network = nested.backbone()
    dropped = keras.layers.Dropout(0.5, name="post_relu")(network(x))
    model = keras.Model(x, dropped)
    names = [layer.name for layer in flattened(model).layers]
    assert names.count("post_relu") == 1
    assert {"network_post_relu", "network_stage1_attention1_mask"} <= set(names)
    assert list(attention_modules(model)) == MODULES
    names = [layer.name for layer in network.layers]
    assert "network_post_relu" not in names  # the network itself is not changed
