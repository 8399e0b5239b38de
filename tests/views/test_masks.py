import keras
import numpy as np
import pytest

import keras_resattn


def test_masks_by_module_in_the_order_of_the_network():
    model = keras_resattn.cifar.Attention56(input_shape=(28, 28, 1))
    masks = keras_resattn.attention_masks(model)
    outputs = masks.predict(np.random.rand(2, 28, 28, 1), verbose=0)
    assert {name: mask.shape for name, mask in outputs.items()} == {
        "stage1_attention1": (2, 28, 28, 64),
        "stage2_attention1": (2, 14, 14, 128),
        "stage3_attention1": (2, 7, 7, 256),
    }
    assert list(outputs) == sorted(outputs)


def test_masks_are_what_multiplies_the_trunk():
    model = keras_resattn.cifar.Attention56(input_shape=(16, 16, 1))
    images = np.random.rand(2, 16, 16, 1)
    mask = keras_resattn.attention_masks(model).predict(images, verbose=0)
    names = ("stage2_attention1_trunk", "stage2_attention1_residual")
    features = keras.Model(model.inputs, [model.get_layer(n).output for n in names])
    trunk, fused = features.predict(images, verbose=0)
    np.testing.assert_allclose(
        fused, (1 + mask["stage2_attention1"]) * trunk, rtol=1e-4, atol=1e-4
    )


def test_masks_share_the_weights_of_the_model():
    model = keras_resattn.cifar.Attention56(input_shape=(16, 16, 1))
    masks = keras_resattn.attention_masks(model)
    images = np.random.rand(1, 16, 16, 1)
    before = masks.predict(images, verbose=0)["stage1_attention1"]
    model.set_weights([0.9 * w for w in model.get_weights()])
    after = masks.predict(images, verbose=0)["stage1_attention1"]
    assert np.abs(after - before).max() > 1e-4


def test_a_model_without_masks_is_an_error():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(
        ValueError, match="AttentionResidualLearning.*Received: model=<Sequential"
    ):
        keras_resattn.attention_masks(model)


def test_upsampled_masks_have_the_size_of_the_images():
    model = keras_resattn.cifar.Attention56(input_shape=(None, None, 1))
    images = np.random.rand(2, 16, 20, 1)
    masks = keras_resattn.attention_masks(model).predict(images, verbose=0)
    large = keras_resattn.attention_masks(model, upsample=True)
    large = large.predict(images, verbose=0)
    assert large["stage3_attention1"].shape == (2, 16, 20, 256)
    for name, mask in masks.items():
        corners = np.ix_([0, 1], [0, -1], [0, -1])
        np.testing.assert_allclose(large[name][corners], mask[corners], atol=1e-5)


def test_masks_are_resized_to_the_input_that_is_an_image():
    images, meta = keras.Input((16, 16, 3)), keras.Input((5,))
    network = keras_resattn.create_model("tiny", input_shape=(16, 16, 3), classes=2)
    scores = keras.layers.Concatenate()([network(images), meta])
    masks = keras_resattn.attention_masks(
        keras.Model([meta, images], scores), upsample=True
    )
    assert {mask.shape[1:3] for mask in masks.output.values()} == {(16, 16)}
    other = keras.Input((8, 8, 3))
    scores = network(images) + keras.layers.GlobalMaxPooling2D()(other)[:, :2]
    with pytest.raises(ValueError, match="have one size.*Received: the inputs"):
        keras_resattn.attention_masks(
            keras.Model([images, other], scores), upsample=True
        )


def test_modules_have_the_whole_names_of_their_layers():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(image)
    for name in ("fuse1", "a_block", "b_block", None, None):
        mask = keras.layers.Conv2D(4, 1, activation="sigmoid")(x)
        x = keras_resattn.layers.AttentionResidualLearning(name=name)([x, mask])
    names = list(keras_resattn.attention_masks(keras.Model(image, x)).output)
    assert names[:3] == ["fuse1", "a", "b"]
    assert len(names) == 5 and all("attention_residual" in name for name in names[3:])
    mask = keras.layers.Conv2D(4, 1, activation="sigmoid")(x)
    for name in ("same_residual", "same_naive"):
        x = keras_resattn.layers.AttentionResidualLearning(name=name)([x, mask])
    with pytest.raises(ValueError, match="same module 'same'.*same_naive"):
        keras_resattn.attention_masks(keras.Model(image, x))
