"""Keras' guide to transfer learning, with a network of ours as its base model.

https://keras.io/guides/transfer_learning: "An end-to-end example". Only the sizes are
smaller, and the images are random.
"""

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import explain
from tests.views import nested

SIZE = 16


@pytest.fixture(scope="module")
def images():
    first = keras.config.image_data_format() == "channels_first"
    shape = (8, 3, SIZE, SIZE) if first else (8, SIZE, SIZE, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


def test_the_guide_line_by_line_with_masks(images, tmp_path):
    labels = np.arange(8) % 2
    data_augmentation = keras.Sequential(
        [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)]
    )
    base_model = nested.backbone("base", pooling=None)  # Do not include the top.

    # Freeze the base_model
    base_model.trainable = False

    # Create new model on top
    inputs = keras.Input(shape=nested.shape(SIZE, SIZE))
    x = data_augmentation(inputs)  # Apply random data augmentation
    # The inputs are rescaled from (0, 255) to a range of (-1., +1.).
    scale_layer = keras.layers.Rescaling(scale=1 / 127.5, offset=-1)
    x = scale_layer(x)
    # The base model contains batchnorm layers: run it in inference mode.
    x = base_model(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)  # Regularize with dropout
    outputs = keras.layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    model.summary(show_trainable=True, print_fn=lambda text: None)

    masks = explain.masks(model, images)
    standardized = keras.ops.convert_to_numpy(scale_layer(images))
    expected = explain.masks(base_model, standardized)
    assert list(masks) == list(expected) == ["stage1_attention1", "stage2_attention1"]
    for name, mask in masks.items():
        np.testing.assert_allclose(mask, expected[name], atol=1e-5)

    # Train the top layer
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    metrics = [keras.metrics.BinaryAccuracy()]
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=metrics)
    model.fit(images, labels, epochs=1, verbose=0)
    for name, mask in explain.masks(model, images).items():  # the base was frozen
        np.testing.assert_allclose(mask, expected[name], atol=1e-5)

    # Do a round of fine-tuning of the entire model
    base_model.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss=loss, metrics=metrics)
    model.fit(images, labels, epochs=1, verbose=0)
    tuned = explain.masks(model, images)
    name = "stage1_attention1"
    assert np.abs(tuned[name] - expected[name]).max() > 1e-6

    # What else a user does with it: save, load, fold, count.
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        explain.masks(loaded, images)[name], tuned[name], atol=1e-5
    )
    folded = keras_resattn.fold_batch_norm(loaded)
    right = model.predict(images, verbose=0)
    np.testing.assert_allclose(folded.predict(images, verbose=0), right, atol=1e-4)
    counted = keras_resattn.complexity(model)
    alone = keras_resattn.complexity(base_model)
    assert counted.parts[:-1] == alone.parts[:-1]
    assert counted.multiply_adds == alone.multiply_adds + 16
    assert counted.parameters == alone.parameters + 17
