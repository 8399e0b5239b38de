"""Masks and features as arrays, and the choice of a channel."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import explain
from keras_resattn.explain.gradients import class_gradients
from keras_resattn.views.modules import attention_modules
from keras_resattn.views.modules import find_modules

MODULES = ["stage1_attention1", "stage2_attention1"]


@pytest.fixture(scope="module")
def features(model_folder, inputs):
    """What the graph itself gives: trunk, mask and fused features, by name."""
    maps = keras_resattn.feature_maps(model_folder.model)(inputs, training=False)
    return {name: np.asarray(values) for name, values in maps.items()}


def gradient_of(model, module):
    modules = attention_modules(model)
    return class_gradients(model, {module: modules[module]})[module]


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_masks_are_those_of_the_graph_whatever_the_batches(
    model_folder, inputs, features, batch_size
):
    masks = explain.masks(model_folder.model, inputs, batch_size)
    means = explain.mean_masks(model_folder.model, inputs, batch_size)
    assert list(masks) == list(means) == MODULES
    for name in MODULES:
        expected = features[f"{name}_mask"]
        np.testing.assert_allclose(masks[name], expected, atol=1e-5)
        np.testing.assert_allclose(means[name], expected.mean(axis=-1), atol=1e-5)


def test_masks_of_a_stream_come_a_batch_at_a_time(model_folder, inputs):
    asked_for = []

    def batches():
        for i in range(len(inputs)):
            asked_for.append(i)
            yield inputs[i : i + 1]

    stream = explain.iter_masks(model_folder.model, batches())
    first = next(stream)
    assert asked_for == [0]
    rest = list(stream)
    whole = explain.mean_masks(model_folder.model, inputs)
    joined = np.concatenate([masks[MODULES[0]] for masks in [first, *rest]])
    np.testing.assert_allclose(joined, whole[MODULES[0]], atol=1e-5)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("rule", "score"),
    [
        ("energy", lambda trunk, mask: ((mask * trunk) ** 2).mean((1, 2))),
        ("variance", lambda trunk, mask: mask.var((1, 2))),
        ("mean", lambda trunk, mask: mask.mean((1, 2))),
        ("max", lambda trunk, mask: mask.max((1, 2))),
    ],
)
def test_a_triptych_is_of_the_channel_that_the_rule_chooses(
    model_folder, inputs, features, module, rule, score
):
    triptych = explain.feature_triptych(
        model_folder.model, inputs, module, rule, batch_size=2
    )
    trunk, mask, fused = (
        features[f"{module}_{part}"] for part in ("trunk", "mask", "fused")
    )
    expected = score(trunk, mask).argmax(axis=-1)
    assert triptych.channels.tolist() == expected.tolist()
    assert (triptych.module, triptych.rule) == (module, rule)
    for drawn, whole in zip(triptych[:3], (trunk, mask, fused), strict=True):
        for i, channel in enumerate(expected):
            np.testing.assert_allclose(drawn[i], whole[i, :, :, channel], atol=1e-5)
    np.testing.assert_allclose(
        triptych.after, (1 + triptych.mask) * triptych.before, atol=1e-4
    )


def test_a_channel_can_be_given_and_all_be_taken(model_folder, inputs, features):
    given = explain.feature_triptych(model_folder.model, inputs, MODULES[1], 15)
    assert (given.rule, given.channels.tolist()) == ("index", [15] * 5)
    mask = features[f"{MODULES[1]}_mask"]
    np.testing.assert_allclose(given.mask, mask[..., 15], atol=1e-5)
    mean = explain.feature_triptych(model_folder.model, inputs, MODULES[1], "all")
    assert (mean.rule, mean.channels) == ("all", None)
    np.testing.assert_allclose(mean.mask, mask.mean(axis=-1), atol=1e-5)


@pytest.mark.parametrize("module", MODULES)
def test_the_gradient_is_that_of_the_logit(model_folder, features, module):
    model = model_folder.model
    after = features[f"{module}_fused"][:2]
    gradient = gradient_of(model, module)(after, [1, 1])
    # The logit of two classes' softmax is the logarithm of their ratio.
    fused = attention_modules(model)[module].fused
    rest = keras.Model(fused, model.output)
    other = gradient_of(model, module)(after, [0, 0])
    # Along the gradient, where the slope is large beside rounding and kinks.
    step = 1e-2 * (gradient - other) / np.abs(gradient - other).max()
    logits = [
        np.log(p[:, 1] / p[:, 0])
        for p in (np.asarray(rest(after + s * step, training=False)) for s in (1, -1))
    ]
    expected = (logits[0] - logits[1]) / 2
    slope = ((gradient - other) * step).sum((1, 2, 3))
    np.testing.assert_allclose(slope, expected, rtol=0.1, atol=1e-4)
    assert np.abs(slope).max() > 1e-4


@pytest.mark.parametrize("layer", [keras.layers.Softmax, keras.layers.Activation])
def test_the_gradient_is_that_of_the_logit_also_before_a_layer_of_its_own(
    model_folder, features, layer
):
    model, module = model_folder.model, MODULES[1]
    last = model.get_layer("predictions")
    dense = keras.layers.Dense(2, name="logits")
    logits = dense(last.input)
    dense.set_weights(last.get_weights())
    activation = layer() if layer is keras.layers.Softmax else layer("softmax")
    other = keras.Model(model.input, activation(logits))
    gradients = [
        gradient_of(m, module)(features[f"{module}_fused"], [1] * 5)
        for m in (model, other)
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-7)
    assert np.abs(gradients[0]).max() > 1e-4


def test_the_rule_gradient_is_for_the_class_asked_for(model_folder, inputs, features):
    model, module = model_folder.model, MODULES[1]
    trunk, mask, fused = (
        features[f"{module}_{part}"] for part in ("trunk", "mask", "fused")
    )
    predicted = model.predict(inputs, verbose=0).argmax(axis=-1)
    for classes in (None, 0, [1, 0, 1, 0, 1]):
        truth = predicted if classes is None else np.broadcast_to(classes, 5)
        gradient = gradient_of(model, module)(fused, truth)
        expected = (trunk * mask * gradient).sum((1, 2)).argmax(axis=-1)
        triptych = explain.feature_triptych(
            model, inputs, module, "gradient", classes, batch_size=2
        )
        assert triptych.channels.tolist() == expected.tolist()
        assert triptych.rule == "gradient"


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_maps_of_half_precision_are_float32(policy):
    keras.utils.set_random_seed(0)
    exact = keras_resattn.create_model("tiny", input_shape=(16, 16, 3), classes=3)
    keras.config.set_dtype_policy(policy)
    try:
        half = keras_resattn.create_model("tiny", input_shape=(16, 16, 3), classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(exact.get_weights())
    inputs = np.random.default_rng(0).normal(size=(2, 16, 16, 3))
    computed, expected = (explain.masks(model, inputs) for model in (half, exact))
    for name in MODULES:
        assert computed[name].dtype == np.float32
        np.testing.assert_allclose(computed[name], expected[name], atol=0.08)
        assert np.abs(computed[name] - expected[name]).mean() < 0.01
    triptych = explain.feature_triptych(half, inputs, MODULES[0], "gradient")
    assert {part.dtype.name for part in triptych[:3]} == {"float32"}
    assert explain.mean_masks(half, inputs)[MODULES[0]].dtype == np.float32


def test_grey_images_of_any_size():
    model = keras_resattn.create_model("tiny", input_shape=(None, None, 1), classes=3)
    for height, width in ((16, 24), (33, 17)):
        masks = explain.masks(model, np.zeros((1, height, width, 1)))
        assert masks[MODULES[0]].shape == (1, height, width, 8)


def test_what_cannot_be_is_named(model_folder, inputs):
    model = model_folder.model
    triptych = explain.feature_triptych
    with pytest.raises(ValueError, match=f"{', '.join(MODULES)}.*Received: .*'stage9'"):
        triptych(model, inputs, "stage9")
    for channel in (16, -1, 1.5, True):
        with pytest.raises(ValueError, match="16 channels, 0 to 15.*Received: channel"):
            triptych(model, inputs, MODULES[1], channel)
    with pytest.raises(ValueError, match="rules.*Received: channel='best'"):
        triptych(model, inputs, MODULES[1], "best")
    with pytest.raises(ValueError, match="2 classes, 0 to 1. Received: classes=.2"):
        triptych(model, inputs, MODULES[1], "gradient", 2)
    with pytest.raises(ValueError, match=r"image\[None\].*shape \(16, 16, 3\)"):
        explain.masks(model, inputs[0])
    with pytest.raises(ValueError, match="at least one.*Received"):
        explain.masks(model, inputs[:0])


def test_a_network_inside_a_model_has_the_same_masks_and_features(model_folder, inputs):
    model = model_folder.model
    images = keras.Input((16, 16, 3))
    nested = keras.Model(images, model(images))
    expected, masks = (explain.mean_masks(m, inputs) for m in (model, nested))
    for name in MODULES:
        np.testing.assert_allclose(masks[name], expected[name], atol=1e-5)
    [one], [other] = (
        list(explain.explain_batches(m, [inputs], MODULES[:1], "gradient"))
        for m in (model, nested)
    )
    np.testing.assert_allclose(one.outputs, other.outputs, atol=1e-5)
    ours, theirs = (each.triptychs[MODULES[0]] for each in (other, one))
    assert ours.channels.tolist() == theirs.channels.tolist()
    np.testing.assert_allclose(ours.after, theirs.after, atol=1e-4)


def test_an_explanation_has_the_masks_of_every_channel(model_folder, inputs):
    [explanation] = explain.explain_batches(
        model_folder.model, [inputs], MODULES[1:], "variance"
    )
    assert list(explanation.channel_masks) == MODULES[1:]
    mask, triptych = (
        explanation.channel_masks[MODULES[1]],
        explanation.triptychs[MODULES[1]],
    )
    assert mask.shape == (5, 8, 8, 16)
    np.testing.assert_allclose(
        mask.mean(axis=-1), explanation.masks[MODULES[1]], atol=1e-5
    )
    for i, channel in enumerate(triptych.channels):
        np.testing.assert_array_equal(mask[i, ..., channel], triptych.mask[i])


@pytest.mark.parametrize("channel", ["energy", "gradient"])
def test_the_modules_of_a_model_are_found_once(
    model_folder, inputs, monkeypatch, channel
):
    found = []

    def find(model):
        found.append(model)
        return find_modules(model)

    monkeypatch.setattr("keras_resattn.views.modules.find_modules", find)
    model = model_folder.model
    list(explain.explain_batches(model, [inputs[:1]], channel=channel))
    assert found == [model]
    explain.feature_triptych(model, inputs[:1], MODULES[0], channel)
    assert found == [model, model]


def test_a_model_without_masks_or_not_ours_is_an_error(inputs):
    without = keras_resattn.create_model("tiny", attention="none", classes=2)
    images = keras.Input((16, 16, 3))
    other = keras.Model(images, keras.layers.Flatten()(images))
    for model in (without, other):
        for call in (explain.masks, explain.mean_masks):
            with pytest.raises(ValueError, match="this model has none.*Received"):
                call(model, inputs)
        with pytest.raises(ValueError, match="this model has none"):
            explain.feature_triptych(model, inputs, MODULES[0])
    body = keras_resattn.create_model("tiny", include_top=False)
    with pytest.raises(ValueError, match="a model with a classifier.*Received"):
        explain.feature_triptych(body, inputs, MODULES[0], "gradient")


def test_saturation_is_the_share_of_values_near_0_and_1():
    mask = np.full((1, 2, 2, 3), 0.5)
    mask[0, 0, 0, 1] = 0.04
    mask[0, :, 1, 2] = 0.96
    np.testing.assert_allclose(explain.saturation(mask), [[0, 0.25, 0.5]])


def test_arrays_need_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from keras_resattn import experiments, explain\n"
        "assert callable(explain.masks) and callable(explain.feature_triptych)\n"
        "assert callable(experiments.mean_response)\n"
        "for package, name in (\n"
        "    (explain, 'mask_figure'),\n"
        "    (explain, 'write_animation'),\n"
        "    (explain, 'write_report'),\n"
        "    (experiments, 'write_response'),\n"
        "):\n"
        "    try: getattr(package, name)\n"
        "    except ImportError as error: print(error)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert len(re.findall(r"pip install .*\[vis\]", output)) == 4


def test_every_public_name_of_explain_is_there():
    for name in explain.__all__:
        assert callable(getattr(explain, name))
    assert set(explain.__all__) <= set(dir(explain))
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        explain.nothing_of_that_name  # noqa: B018
