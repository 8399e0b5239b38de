"""What each signature computes, compared with the Keras model."""

import io
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resattn
from keras_resattn.export import contract
from keras_resattn.export import export
from keras_resattn.export.endpoints import network_outputs
from keras_resattn.export.overlay import color_map
from keras_resattn.export.overlay import overlay_png
from keras_resattn.export.warmup import serialized_example
from tests.export.conftest import NAMES
from tests.export.conftest import make_folder

SIZE = (16, 16)


def test_classify_gives_every_class_with_its_score(signatures, folder, pictures):
    examples = [serialized_example(path.read_bytes()) for path in pictures]
    answer = signatures["classify"](inputs=tf.constant(examples))
    np.testing.assert_allclose(answer["scores"], folder.predict(pictures), atol=1e-5)
    names = [[name.decode() for name in row] for row in answer["classes"].numpy()]
    assert names == [list(NAMES)] * len(pictures)


def test_an_example_without_the_feature_is_refused(signatures):
    empty = tf.constant([tf.train.Example().SerializeToString()])
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes.*required"):
        signatures["classify"](inputs=empty)


def test_masks_are_the_means_of_attention_masks(signatures, folder, pictures):
    images = tf.constant([path.read_bytes() for path in pictures])
    answer = signatures["attention"](image_bytes=images)
    inputs = folder.preprocessing.standardize(folder.images(pictures))
    masks = keras_resattn.attention_masks(folder.model).predict(inputs, verbose=0)
    assert len(masks) == 2
    for name, mask in masks.items():
        mean = mask.mean(axis=-1)
        assert mean.std() > 1e-4
        np.testing.assert_allclose(answer[f"{name}_mask"], mean, atol=1e-5)
    np.testing.assert_allclose(
        answer["probabilities"], folder.predict(pictures), atol=1e-5
    )


def test_the_embedding_is_what_the_classifier_takes(signatures, folder, pictures):
    images = tf.constant([path.read_bytes() for path in pictures])
    embedding = signatures["embed"](image_bytes=images)["embedding"]
    assert embedding.shape == (5, 16)
    classifier = folder.model.layers[-1]
    np.testing.assert_allclose(
        classifier(embedding), folder.predict(pictures), atol=1e-5
    )


def test_overlays_are_pngs_of_the_networks_size(signatures, folder, pictures):
    images = tf.constant([path.read_bytes() for path in pictures])
    answer = signatures["attention_overlay"](image_bytes=images)
    masks = signatures["attention"](image_bytes=images)
    pixels = tf.constant(folder.images(pictures))
    for name in ("stage1_attention1", "stage2_attention1"):
        pngs = answer[f"{name}_overlay_bytes"].numpy()
        assert tf.io.decode_png(pngs[0]).shape == (*SIZE, 3)
        drawn = overlay_png(pixels, masks[f"{name}_mask"]).numpy()
        for png, expected in zip(pngs, drawn, strict=True):
            # A value halfway between two integers may become either.
            np.testing.assert_allclose(
                tf.io.decode_png(png).numpy().astype(int),
                tf.io.decode_png(expected),
                atol=1,
            )


def test_an_overlay_blends_image_and_colour_of_the_mask():
    grey = tf.fill((1, 4, 4, 1), 100.0)
    for value, color in ((0.0, color_map()[0]), (1.0, color_map()[255])):
        (png,) = overlay_png(grey, tf.fill((1, 2, 2), value)).numpy()
        expected = np.broadcast_to(0.5 * 100 + 0.5 * color, (4, 4, 3))
        np.testing.assert_allclose(tf.io.decode_png(png), expected, atol=0.5)


def test_values_outside_of_the_scale_are_drawn_as_its_ends():
    images = tf.constant([[[[255.0, 0.0, 10.0]]]])
    (end,) = overlay_png(images, tf.fill((1, 1, 1), 1.0)).numpy()
    (beyond,) = overlay_png(images, tf.fill((1, 1, 1), 7.0)).numpy()
    assert beyond == end


def test_the_colours_are_viridis():
    import matplotlib

    expected = matplotlib.colormaps["viridis"](np.arange(256))[:, :3] * 255
    np.testing.assert_allclose(color_map(), expected, atol=5)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("serving_default", "probabilities"),
        ("embed", "embedding"),
        ("attention", "stage1_attention1_mask"),
        ("attention_overlay", "stage1_attention1_overlay_bytes"),
    ],
)
def test_an_empty_batch_gives_an_empty_answer(signatures, name, key):
    answer = signatures[name](image_bytes=tf.constant([], tf.string))
    expected = signatures[name].structured_outputs[key].shape
    assert answer[key].shape[0] == 0
    assert expected.is_compatible_with(answer[key].shape)


def test_an_empty_batch_of_pixels_gives_an_empty_answer(signatures):
    answer = signatures["predict_images"](images=tf.zeros((0, 9, 9, 3)))
    assert answer["probabilities"].shape == (0, 7)


def test_pixels_of_any_size_are_taken_and_none_refused(signatures):
    for size in ((1, 1), (3, 200), (40, 33)):
        answer = signatures["predict_images"](images=tf.ones((2, *size, 3)))
        assert answer["probabilities"].shape == (2, 7)
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures["predict_images"](images=tf.ones((2, 0, 5, 3)))


# === Other models ===


def test_grey_models_take_all_formats(tmp_path, pictures):
    folder = make_folder(tmp_path / "run", channels=1, labels=("a", "b"))
    path = export(folder, tmp_path / "grey" / "1", warmup=False)
    signatures = tf.saved_model.load(str(path)).signatures
    image = tf.io.decode_image(pictures[1].read_bytes(), expand_animations=False)
    grey = tf.image.rgb_to_grayscale(image)
    answer = signatures["serving_default"](
        image_bytes=tf.stack([tf.io.encode_png(grey), gif_of(grey)])
    )
    first, second = answer["probabilities"].numpy()
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert answer["top_k_labels"].shape == (2, 2)
    overlays = signatures["attention_overlay"](image_bytes=[tf.io.encode_png(grey)])
    (png,) = overlays["stage1_attention1_overlay_bytes"].numpy()
    assert tf.io.decode_png(png).shape == (*SIZE, 3)


def gif_of(grey):
    file = io.BytesIO()
    Image.fromarray(grey.numpy()[..., 0]).save(file, "GIF")
    return tf.constant(file.getvalue())


def test_a_model_without_attention_has_no_attention_signatures(tmp_path):
    folder = make_folder(tmp_path / "run", attention="none")
    path = export(folder, tmp_path / "plain" / "1", warmup=False)
    manifest = json.loads((path / contract.MANIFEST).read_text())
    assert manifest["attention_modules"] == []
    assert set(manifest["signatures"]) == {
        "serving_default",
        "predict_images",
        "classify",
        "embed",
    }


# === In processes of their own ===

PLAIN = """
import sys
import tensorflow as tf

signatures = tf.saved_model.load(sys.argv[1]).signatures
answer = signatures["serving_default"](image_bytes=tf.io.read_file(sys.argv[2])[None])
print(answer["top_k_labels"].numpy()[0, 0].decode())
assert not any(name.startswith("keras_resattn") for name in sys.modules)
"""

# As a server does: by the graph alone, no Python looks at what is fed.
WRONG_SHAPES = """
import sys
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

WRONG = {
    "predict_images": [np.float32([[1, 2]]), np.zeros((1, 8, 8, 1), "float32")],
    "serving_default": [np.array([[b"x", b"y"]], object), np.array(b"x", object)],
    "classify": [np.array([[b"x"]], object)],
    "embed": [np.array([[b"x"]], object)],
    "attention": [np.array([[b"x"]], object)],
    "attention_overlay": [np.array([[b"x"]], object)],
}
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    for name, values in WRONG.items():
        signature = loaded.signature_def[name]
        (fed,) = signature.inputs.values()
        options = config_pb2.CallableOptions(feed=[fed.name])
        options.fetch.extend(tensor.name for tensor in signature.outputs.values())
        call = session._make_callable_from_options(options)
        for value in values:
            try:
                call(value)
            except tf.errors.InvalidArgumentError as error:
                assert "is not compatible with expected shape" in str(error), error
                print(name, "refused")
"""


def python(code, *arguments):
    return subprocess.check_output(
        [sys.executable, "-c", code, *map(str, arguments)],
        text=True,
        stderr=subprocess.DEVNULL,
    )


def test_plain_tensorflow_loads_and_runs_it(saved_model, folder, pictures, tmp_path):
    expected = NAMES[folder.predict(pictures[:1]).argmax()]
    moved = shutil.copytree(saved_model, tmp_path / "elsewhere")
    assert python(PLAIN, moved, pictures[0]) == f"{expected}\n"


def test_wrong_shapes_are_refused_and_end_no_process(saved_model):
    output = python(WRONG_SHAPES, saved_model)
    assert output.splitlines() == [
        f"{name} refused"
        for name in (
            "predict_images",
            "predict_images",
            "serving_default",
            "serving_default",
            "classify",
            "embed",
            "attention",
            "attention_overlay",
        )
    ]


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_images_of_other_aspect_ratios_are_read_as_by_the_model_folder(
    resize, tmp_path
):
    folder = make_folder(tmp_path / "run", resize=resize)
    assert folder.preprocessing.aspect == resize
    photos = []
    for i, size in enumerate([(40, 16), (9, 30), (16, 16), (50, 50)]):
        pixels = np.random.default_rng(i).integers(0, 256, (*size, 3), "uint8")
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        photos.append(tmp_path / f"{i}.png")
    loaded = tf.saved_model.load(str(export(folder, tmp_path / "1", warmup=False)))
    contents = tf.constant([path.read_bytes() for path in photos])
    answer = loaded.signatures["serving_default"](image_bytes=contents)
    expected = folder.predict(photos)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    squashed = make_folder(tmp_path / "squash").preprocessing
    assert (
        abs(squashed.resize(tf.io.decode_png(contents[0])) - folder.images(photos)[0])
        .numpy()
        .max()
        > 9
    )
    pixels = tf.cast(tf.io.decode_png(contents[0], 3), tf.float32)[None]
    answer = loaded.signatures["predict_images"](images=pixels)
    np.testing.assert_allclose(answer["probabilities"], expected[:1], atol=1e-5)
    manifest = json.loads((tmp_path / "1/assets.extra/manifest.json").read_text())
    words = {"crop": "cropped at the centre", "pad": "padded with black"}
    assert words[resize] in manifest["preprocessing"]["resize"]


@pytest.mark.parametrize("last", ["softmax layer", "convolution"])
def test_the_embedding_is_before_the_logits_whatever_follows_them(last):
    image = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(5, 3, name="maps")(image)
    features = keras.layers.GlobalAveragePooling2D()(maps)
    if last == "convolution":
        maps = keras.layers.Conv2D(2, 1)(maps)
        probabilities = keras.layers.GlobalAveragePooling2D()(maps)
    else:
        probabilities = keras.layers.Dense(2)(features)
    probabilities = keras.layers.Softmax()(probabilities)
    outputs = network_outputs(keras.Model(image, probabilities))
    both = keras.Model(image, [outputs["embedding"], features])
    embedding, expected = both(np.random.default_rng(0).normal(size=(3, 16, 16, 3)))
    assert embedding.shape == (3, 5)
    np.testing.assert_allclose(embedding, expected, atol=1e-5)
