import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resattn
from keras_resattn.explain import class_evidence
from keras_resattn.explain import evidence_figure
from keras_resattn.explain.evidence import METHODS
from keras_resattn.explain.logits import logits_model


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder.model


def evidence_by(method, model, inputs, **options):
    few = {"score_cam": {"max_channels": 4}, "smooth_grad": {"samples": 3}}
    return class_evidence(model, inputs, method, **few.get(method, {}), **options)


def maps_and_gradients(model, inputs, index):
    """Return post_relu and the gradients of a class' logit, by hand."""
    [last] = [layer for layer in model.layers if layer.name == "predictions"]
    maps = keras.Model(model.input, model.get_layer("post_relu").output)(inputs)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        pooled = tf.reduce_mean(maps, axis=(1, 2))
        logits = pooled @ tf.convert_to_tensor(last.kernel) + last.bias
        score = tf.reduce_sum(logits[:, index])
    return maps.numpy(), tape.gradient(score, maps).numpy()


def scaled(maps):
    least = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - least
    return (maps - least) / np.where(span > 0, span, 1)


def resized(maps, inputs):
    """Bilinear by the centres of the pixels, by matrices."""
    rows, columns = (
        centred_matrix(small, large)
        for small, large in zip(maps.shape[1:], inputs.shape[1:3], strict=True)
    )
    return np.einsum("Hh,nhw,Ww->nHW", rows, maps, columns)


def centred_matrix(small, large):
    places = (np.arange(large) + 0.5) * small / large - 0.5
    places = places.clip(0, small - 1)
    return np.maximum(1 - abs(places[:, None] - np.arange(small)), 0)


def test_grad_cam_is_the_one_computed_by_hand(model, inputs):
    for index in (0, 1):
        maps, gradients = maps_and_gradients(model, inputs, index)
        weights = gradients.mean(axis=(1, 2), keepdims=True)
        cam = np.maximum((maps * weights).sum(axis=-1), 0)
        found = class_evidence(model, inputs, "grad_cam", classes=index)
        np.testing.assert_allclose(found, scaled(resized(cam, inputs)), atol=1e-5)


def test_layer_cam_is_the_one_computed_by_hand(model, inputs):
    maps, gradients = maps_and_gradients(model, inputs, 1)
    cam = (maps * np.maximum(gradients, 0)).sum(axis=-1)
    found = class_evidence(model, inputs, "layer_cam", classes=1)
    np.testing.assert_allclose(found, scaled(resized(cam, inputs)), atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_map_for_each_image_at_its_size_from_0_to_1(method, model, inputs):
    before = np.random.get_state()[1].copy()
    maps = evidence_by(method, model, inputs)
    assert maps.shape == inputs.shape[:3] and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() == 1
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("method", METHODS)
def test_an_image_has_the_same_map_in_any_batch(method, model, inputs):
    together = evidence_by(method, model, inputs[:3])
    alone = evidence_by(method, model, inputs[2:3])
    np.testing.assert_allclose(together[2:], alone, atol=1e-4)


def test_classes_are_those_predicted_or_given(model, inputs):
    predicted = model.predict(inputs, verbose=0).argmax(axis=1)
    own = class_evidence(model, inputs)
    given = class_evidence(model, inputs, classes=predicted.tolist())
    np.testing.assert_array_equal(own, given)
    others = class_evidence(model, inputs, classes=(1 - predicted).tolist())
    assert abs(own - others).max() > 0.1


def test_the_logits_are_those_behind_the_probabilities(model, inputs):
    logits = logits_model(model, "post_relu").predict([inputs])
    probabilities = model.predict(inputs, verbose=0)
    softmax = keras.ops.softmax(np.reshape(logits, probabilities.shape))
    np.testing.assert_allclose(np.asarray(softmax), probabilities, atol=1e-6)


@pytest.mark.parametrize("last", ["dense", "softmax", "activation", "logits"])
def test_every_way_to_end_in_a_classifier_gives_the_same_maps(last, inputs):
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="post_relu", activation="relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    ends_in = "softmax" if last == "dense" else None
    dense = keras.layers.Dense(3, activation=ends_in)
    x = dense(x)
    if last in ("softmax", "activation"):
        layer = keras.layers.Softmax() if last == "softmax" else None
        x = (layer or keras.layers.Activation("softmax"))(x)
    model = keras.Model(images, x)
    logits = np.reshape(
        logits_model(model, "post_relu").predict([inputs]), (len(inputs), 3)
    )
    plain = keras.Model(images, dense.input)
    expected = np.asarray(plain(inputs)) @ np.asarray(dense.kernel)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert class_evidence(model, inputs, classes=1).max() <= 1


def test_models_with_other_graphs_of_the_same_layers(model, inputs):
    own = class_evidence(model, inputs, classes=1)
    folded = keras_resattn.fold_batch_norm(model)
    np.testing.assert_allclose(
        class_evidence(folded, inputs, classes=1), own, atol=1e-3
    )
    ablated = keras_resattn.with_masks(model, "ones")
    assert abs(class_evidence(ablated, inputs, classes=1) - own).max() > 1e-4
    np.testing.assert_array_equal(class_evidence(model, inputs, classes=1), own)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("method", ["grad_cam_plus_plus", "score_cam", "smooth_grad"])
def test_half_precision_gives_float32(policy, method, inputs):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        stages = [keras_resattn.Stage(8, 1, 1)]
        model = keras_resattn.ResidualAttentionNetwork(
            stages, "cifar", t=1, input_shape=(16, 16, 3), classes=2
        )
    finally:
        keras.config.set_dtype_policy(before)
    maps = evidence_by(method, model, inputs[:2], classes=0)
    assert maps.dtype == np.float32 and np.isfinite(maps).all()


def test_other_layers_that_all_paths_pass_through(model, inputs):
    for layer in ("stage1_unit1", "stage1_attention1_residual", "stem_relu"):
        maps = class_evidence(model, inputs, layer=layer)
        assert maps.shape == inputs.shape[:3] and maps.max() == 1


def test_what_cannot_be_explained_is_an_error(model, inputs):
    with pytest.raises(ValueError, match="method.*Received.*'gradcam'"):
        class_evidence(model, inputs, "gradcam")
    with pytest.raises(ValueError, match="layer.*post_relu.*Received.*'no'"):
        class_evidence(model, inputs, layer="no")
    with pytest.raises(ValueError, match="all paths.*Received.*_trunk'"):
        class_evidence(model, inputs, layer="stage1_attention1_trunk")
    for classes in (2, -1, [0, 1], 0.5):
        with pytest.raises(ValueError, match="classes.*0 to 1.*Received"):
            class_evidence(model, inputs, classes=classes)
    body = keras.Model(model.input, model.get_layer("post_relu").output)
    for other in (body, "model.keras"):
        with pytest.raises(ValueError, match="include_top=True.*Received"):
            class_evidence(other, inputs)


def test_without_the_library_the_error_says_how_to_install_it(
    model, inputs, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tf_keras_vis", None)
    with pytest.raises(ImportError, match=r"pip install .*\[vis\]"):
        class_evidence(model, inputs)


def test_another_backend_is_an_error(monkeypatch):
    # Not a process on it: the other backends are not installed everywhere.
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    message = "KERAS_BACKEND=tensorflow .*Received: backend='jax'"
    with pytest.raises(RuntimeError, match=message):
        class_evidence(None, [])


def test_masks_and_evidence_are_in_one_figure_that_says_what_a_mask_is_not(
    model, model_folder, pictures, inputs
):
    images = model_folder.images(pictures)[:2]
    figure = evidence_figure(
        images, evidence=["grad_cam", "layer_cam"], model=model, inputs=inputs[:2]
    )
    panels = [axis for axis in figure.axes if axis.get_images()]
    assert len(panels) == 2 * (1 + 2 + 2)
    np.testing.assert_array_equal(
        panels[8].get_images()[1].get_array(), class_evidence(model, inputs[:2])[1]
    )
    assert "not evidence for a class" in " ".join(figure.get_supxlabel().split())
    with pytest.raises(ValueError, match="pass `model` and `inputs`"):
        evidence_figure(images)


def test_the_default_layer_is_the_last_map_of_any_network():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(images)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="last")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2, "softmax")(x))
    inputs = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(
        class_evidence(model, inputs), class_evidence(model, inputs, layer="last")
    )


def test_score_cam_needs_classes_that_exclude_each_other(inputs):
    images = keras.Input(inputs.shape[1:])
    x = keras.layers.Conv2D(4, 3, name="post_relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2, "sigmoid")(x))
    assert class_evidence(model, inputs, "grad_cam").shape == inputs.shape[:3]
    with pytest.raises(ValueError, match="by their softmax.*another method"):
        class_evidence(model, inputs, "score_cam")


def test_sizes_of_batches_are_checked(model, inputs):
    with pytest.raises(ValueError, match="`batch_size`.*Received: batch_size=0"):
        class_evidence(model, inputs, classes=0, batch_size=0)


def test_channels_first_is_refused(model, inputs, monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="only with channels_last.*channels_first"):
        class_evidence(model, inputs)


@pytest.mark.parametrize("shift", [-300.0, 300.0])
def test_large_logits_do_not_change_the_map(shift, inputs):
    def model(bias):
        images = keras.Input(inputs.shape[1:])
        x = keras.layers.Conv2D(4, 3, activation="relu", name="post_relu")(images)
        x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
        built = keras.Model(images, x)
        random = np.random.default_rng(0)
        *rest, last = (random.normal(size=w.shape) for w in built.get_weights())
        built.set_weights([*rest, last + bias])
        return built

    expected = class_evidence(model(0.0), inputs, "grad_cam_plus_plus", classes=0)
    assert expected.max() == 1
    found = class_evidence(model(shift), inputs, "grad_cam_plus_plus", classes=0)
    np.testing.assert_allclose(found, expected, atol=1e-3)
