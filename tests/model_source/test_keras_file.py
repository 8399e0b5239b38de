"""Models by their Keras file."""

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn.keras_file import write_facts
from keras_resattn.model_source import load_model
from tests.model_source.comparing import LABELS
from tests.model_source.comparing import MEAN
from tests.model_source.comparing import facts
from tests.model_source.comparing import same


def test_a_keras_file_with_its_facts(source, file, pictures, cache):
    model = load_model(file, **facts(source))
    same(model, source, pictures)
    again = load_model(file, **facts(source))
    assert again.path == model.path and cache in again.path.parents
    assert load_model(file, **{**facts(source), "labels": ["a", "b"]}).labels[0] == "a"
    same(load_model(file, **facts(source)), source, pictures)


def test_the_facts_beside_a_file_are_read(source, file, pictures):
    sidecar = write_facts(file, **facts(source))
    assert sidecar.name == "net.json"
    same(load_model(file), source, pictures)
    assert load_model(file, labels=["a", "b"]).labels == ("a", "b")
    sidecar.write_text('{"median": 3}')
    with pytest.raises(ValueError, match="JSON object with labels.*Received: .*net.js"):
        load_model(file)


def test_a_file_of_a_model_folder_is_the_folder(source, pictures):
    same(load_model(source.path / "model.keras"), source, pictures)


def test_unknown_preprocessing_is_an_error_with_the_remedy(file):
    with pytest.raises(ValueError, match="--mean 127.5 --std 127.5.*mean=None, std=3"):
        load_model(file, std=3)


def test_numbers_stand_for_unknown_labels_and_this_is_said(file):
    with pytest.warns(UserWarning, match="they are 0 to 1. Give them with --labels"):
        assert load_model(file, **MEAN).labels == ("0", "1")
    with pytest.raises(FileNotFoundError, match="of class names.*labels=none.txt"):
        load_model(file, **MEAN, labels="none.txt")
    with pytest.raises(ValueError, match="has 2 classes.*Received: 3 labels"):
        load_model(file, **MEAN, labels=["a", "b", "c"])


def test_facts_of_a_folder_are_an_error(source):
    with pytest.raises(ValueError, match="has its own; leave them out.*with mean"):
        load_model(source.path, mean=3)


def test_data_of_a_keras_file_are_unknown(file, source, photos):
    model = load_model(file, **facts(source))
    with pytest.raises(ValueError, match="not known with which data.*Name a data set"):
        model.labelled_images()
    assert model.labelled_images(photos).labels == tuple(LABELS)


def test_a_model_that_standardizes_itself_gets_pixels(source, pictures, tmp_path):
    pixels = keras.Input((16, 16, 3))
    settings = source.recipe.preprocessing
    mean, std = np.asarray(settings.mean), np.asarray(settings.std)
    own = keras.layers.Rescaling((1 / std).tolist(), (-mean / std).tolist())
    path = tmp_path / "whole.keras"
    keras.Model(pixels, source.model(own(pixels))).save(path)
    with pytest.warns(UserWarning, match="standardizes pixels itself.*'rescaling"):
        same(load_model(path, labels=LABELS, resize=settings.resize), source, pictures)


def headed(source, activation, classes=2):
    body = source.model.get_layer("predictions").input
    head = keras.layers.Dense(classes, activation, name="head")
    return keras.Model(source.model.input, head(body)), head


def test_a_softmax_follows_logits_and_this_is_said(source, pictures, tmp_path):
    model, head = headed(source, None)
    head.set_weights(source.model.get_layer("predictions").get_weights())
    model.save(tmp_path / "logits.keras")
    with pytest.warns(UserWarning, match="a softmax was added"):
        loaded = load_model(tmp_path / "logits.keras", **facts(source))
    same(loaded, source, pictures)
    same(keras_resattn.load_model(loaded.path), source, pictures)


@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.filterwarnings("ignore:The model returns logits")
def test_a_sequential_of_a_network_and_a_layer_is_a_model(
    source, pictures, tmp_path, activation
):
    network = source.model
    body = keras.Model(network.input, network.get_layer("predictions").input)
    head = keras.layers.Dense(len(source.labels), activation)
    keras.Sequential([body, head]).save(tmp_path / "mine.keras")
    loaded = load_model(tmp_path / "mine.keras", **facts(source))
    probabilities = loaded.predict(pictures)
    assert probabilities.shape == (len(pictures), len(source.labels))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert keras_resattn.attention_masks(loaded.model).outputs


def test_one_of_two_outputs_is_chosen_by_name(source, pictures, tmp_path):
    second, _ = headed(source, "softmax", 5)
    two = keras.Model(
        source.model.input,
        {"kind": source.model.output, "place": second(source.model.input)},
    )
    two.save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match=r"--output.*are 'kind', 'place'.*two.keras"):
        load_model(tmp_path / "two.keras", **facts(source))
    chosen = load_model(tmp_path / "two.keras", **facts(source), output="kind")
    same(chosen, source, pictures)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda x: keras.layers.Dense(1)(keras.layers.Flatten()(x)), "each class"),
        (lambda x: keras.layers.Conv2D(2, 1)(x), r"shape \(N, classes\)"),
    ],
)
def test_what_is_no_classifier_is_an_error(make, reason, tmp_path):
    image = keras.Input((16, 16, 3))
    keras.Model(image, make(image)).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=f"{reason}.*Received: .*other.keras"):
        load_model(tmp_path / "other.keras", **MEAN)


def test_a_network_of_any_size_is_an_error(tmp_path):
    any_size = keras_resattn.create_model("tiny", input_shape=(None, None, 3))
    any_size.save(tmp_path / "any.keras")
    with pytest.raises(ValueError, match="known size.*`input_shape`.*any.keras"):
        load_model(tmp_path / "any.keras", **MEAN)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"mean": 0, "std": 0}, "above 0.*Received: std=0 for"),
        ({"mean": float("nan"), "std": 1}, "one finite number.*mean=nan"),
        ({"mean": (1, 2), "std": 1}, r"3, one per channel.*mean=\(1, 2\)"),
        ({"mean": "abc", "std": 1}, "mean='abc'"),
    ],
)
def test_numbers_that_cannot_standardize_are_errors(file, numbers, reason):
    with pytest.raises(ValueError, match=reason):
        load_model(file, labels=LABELS, **numbers)


def test_numbers_can_be_arrays(file, source, pictures):
    stated = facts(source)
    arrays = {name: np.asarray(stated[name]) for name in ("mean", "std")}
    same(load_model(file, **{**stated, **arrays}), source, pictures)
    write_facts(file, **{**stated, **arrays})
    same(load_model(file), source, pictures)


@pytest.mark.parametrize("write", ["utf-8", "utf-8-sig"])
def test_a_file_of_labels_is_text_in_utf_8(file, tmp_path, write):
    names = tmp_path / "names.txt"
    names.write_text("Käfer\ncat\n", encoding=write)
    assert load_model(file, **MEAN, labels=names).labels == ("Käfer", "cat")
    write_facts(file, names, **MEAN)
    assert load_model(file).labels == ("Käfer", "cat")
    names.write_text("Käfer\ncat\n", encoding="utf-16")
    with pytest.raises(ValueError, match="save it again as UTF-8.*Received: .*names"):
        load_model(file, **MEAN, labels=names)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["crane", "crane"], "number those that repeat.*class 0 and class 1"),
        (["a", "b\nc"], r"one line of text.*'b\\nc'"),
        (["a", ""], "one line of text.*''"),
        (["a", "caf\udce9"], "valid UTF-8.*udce9"),
    ],
)
def test_labels_that_cannot_be_kept_apart_or_written_are_errors(file, labels, reason):
    with pytest.raises(ValueError, match=reason):
        load_model(file, **MEAN, labels=labels)


def test_outputs_that_are_not_probabilities_are_told(source, tmp_path, pictures):
    headed(source, "sigmoid")[0].save(tmp_path / "many.keras")
    with pytest.warns(UserWarning, match="not probabilities.*last layer 'head'"):
        model = load_model(tmp_path / "many.keras", **facts(source))
    assert model.predict(pictures).shape == (5, 2)


def test_logits_of_a_convolution_get_a_softmax(source, pictures, tmp_path):
    image = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(2, 1)(image)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    keras.Model(image, pooled).save(tmp_path / "convolution.keras")
    with pytest.warns(UserWarning, match="a softmax was added"):
        model = load_model(tmp_path / "convolution.keras", **facts(source))
    np.testing.assert_allclose(model.predict(pictures).sum(axis=1), 1, atol=1e-5)
