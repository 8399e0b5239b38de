"""Models by folder, Keras file, name of weights and repository."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resattn
from keras_resattn import hub
from keras_resattn.keras_file import write_facts
from keras_resattn.model_source import load_model
from tests.small_weights import publish
from tests.small_weights import rounded

MEAN = {"mean": 127.5, "std": 127.5}
LABELS = ["bright", "dark"]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "keras"


@pytest.fixture(scope="module")
def source(model_folder, tmp_path_factory):
    """Return the model folder with weights that fit into a packed file."""
    return rounded(model_folder, tmp_path_factory.mktemp("rounded") / "run")


@pytest.fixture
def file(source, tmp_path):
    """Return the path of a Keras file without a folder around it."""
    path = tmp_path / "mine" / "net.keras"
    path.parent.mkdir()
    shutil.copy(source.path / "model.keras", path)
    return path


def facts(source):
    settings = source.recipe.preprocessing
    return {"mean": settings.mean, "std": settings.std, "labels": LABELS} | {
        "resize": settings.resize
    }


def same(model, source, pictures):
    assert model.labels == source.labels == tuple(LABELS)
    np.testing.assert_allclose(
        model.predict(pictures), source.predict(pictures), atol=1e-6
    )


# === Names ===


def test_weights_are_found_by_name(source, pictures, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    same(load_model("photos"), source, pictures)
    same(load_model("tiny:photos"), source, pictures)
    assert load_model("photos").path.name == "tiny-photos"
    assert (load_model("photos").path / "metrics.csv").is_file()


def test_the_weights_of_the_package_are_in_reach():
    model = keras_resattn.load_model("fashion_mnist_sample")
    assert model.labels[9] == "Ankle boot"
    boot = model.predict("/".join([*__file__.split("/")[:-2], "docs/ankle_boot.png"]))
    assert model.labels[boot[0].argmax()] == "Ankle boot"


def test_an_absent_path_lists_the_names(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    with pytest.raises(
        FileNotFoundError,
        match="no such model folder, .keras file.*tiny:photos.*Received: runs/x",
    ):
        load_model("runs/x")
    with pytest.raises(ValueError, match="no such network.*Received: network='vast'"):
        load_model("vast:photos")


def test_a_name_of_two_networks_is_an_error(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    path = tmp_path / "table" / "table.json"
    [entry] = json.loads(path.read_text())
    path.write_text(json.dumps([entry, {**entry, "network": "cifar_attention56"}]))
    with pytest.raises(
        FileNotFoundError, match="Several.*tiny:photos, cifar_attention"
    ):
        load_model("photos")


def test_a_model_folder_wins_over_a_name_and_this_is_said(
    source, pictures, monkeypatch, tmp_path
):
    publish(source, tmp_path / "table", monkeypatch)
    shutil.copytree(source.path, "photos")
    with pytest.warns(UserWarning, match="write tiny:photos.*the folder photos"):
        assert load_model("photos").path.resolve() == tmp_path / "photos"
    shutil.rmtree("photos")
    (tmp_path / "photos").mkdir()
    with pytest.warns(UserWarning, match="not a model folder, so the weights tiny:ph"):
        same(load_model("photos"), source, pictures)
    with pytest.raises(FileNotFoundError, match="because model.keras"):
        load_model("./photos")


def test_a_cache_that_cannot_be_written_is_named(source, monkeypatch, tmp_path):
    publish(source, tmp_path / "table", monkeypatch)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="Set KERAS_HOME to a folder.*Received: KERAS_H"):
        load_model("photos")


# === Keras files ===


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


def test_a_sequential_of_a_network_and_a_layer_is_a_model(source, pictures, tmp_path):
    network = source.model
    body = keras.Model(network.input, network.get_layer("predictions").input)
    head = keras.layers.Dense(len(source.labels), "softmax")
    keras.Sequential([body, head]).save(tmp_path / "mine.keras")
    loaded = load_model(tmp_path / "mine.keras", **facts(source))
    assert loaded.predict(pictures).shape == (len(pictures), len(source.labels))
    assert keras_resattn.attention_masks(loaded.model).outputs


def test_one_of_two_outputs_is_chosen_by_name(source, pictures, tmp_path):
    second, _ = headed(source, "softmax", 5)
    two = keras.Model(
        source.model.input,
        {"kind": source.model.output, "place": second(source.model.input)},
    )
    two.save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match=r"--output.*are \['kind', 'place.*two.keras"):
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


# === Images ===


def test_images_of_every_kind_give_the_same_prediction(source, pictures):
    expected = source.predict(pictures[:2])
    opened = [Image.open(path) for path in pictures[:2]]
    arrays = [np.asarray(image) for image in opened]
    for images in (opened, arrays, [str(pictures[0]), opened[1]]):
        np.testing.assert_allclose(source.predict(images), expected, atol=1e-5)
    for image in (opened[0], arrays[0], pictures[0], arrays[0].astype("float32")):
        np.testing.assert_allclose(source.predict(image), expected[:1], atol=1e-5)
    pixels = source.images(pictures)
    assert pixels.shape == (5, 16, 16, 3)
    np.testing.assert_allclose(
        source.predict(pixels, batch_size=2), source.predict(pictures), atol=1e-5
    )


def test_grey_images_become_rgb(source):
    grey = np.full((20, 20), 90, "uint8")
    for image in (grey, Image.fromarray(grey), grey[..., None]):
        np.testing.assert_allclose(source.images(image), 90, atol=1e-3)


def test_arrays_without_pixel_values_are_errors(source):
    with pytest.raises(ValueError, match="Multiply by 255.*values from 0.5 to 0.5"):
        source.predict(np.full((16, 16, 3), 0.5))
    with pytest.raises(ValueError, match="Give the pixels.*values from -2 to -2"):
        source.predict(np.full((2, 16, 16, 3), -2.0))
    with pytest.raises(ValueError, match=r"\(height, width, channels\).*shape \(\)"):
        source.predict(np.zeros(3))
    with pytest.raises(ValueError, match="3 channels.*shape .16, 16, 2."):
        source.predict(np.ones((16, 16, 2), "uint8"))
    with pytest.raises(ValueError, match="no images"):
        source.predict([])


# === The Hugging Face Hub ===


class Hub:
    """A Hub in a folder, with the parts of huggingface_hub that the package calls."""

    def __init__(self, root):
        self.root = root

    def __call__(self, library_name, library_version):
        return self

    def place(self, repo_id, revision):
        return self.root / repo_id / (revision or "main")

    def snapshot_download(self, repo_id, *, revision, allow_patterns, **_):
        place = self.place(repo_id, revision)
        if not place.is_dir():
            raise RuntimeError("404 Client Error")
        return str(place)

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        (self.root / repo_id).mkdir(parents=True, exist_ok=True)

    def upload_folder(self, *, repo_id, folder_path, revision, allow_patterns):
        place = self.place(repo_id, revision)
        for pattern in allow_patterns:
            for path in folder_path.glob(pattern):
                place.mkdir(exist_ok=True)
                shutil.copy(path, place / path.name)
        return self

    def upload_file(self, *, repo_id, path_or_fileobj, path_in_repo, revision):
        shutil.copy(path_or_fileobj, self.place(repo_id, revision) / path_in_repo)
        return self

    commit_url = "https://example.org/commit/1"


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    import huggingface_hub

    fake = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", fake)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    return fake


def test_a_model_goes_to_the_hub_and_back(fake_hub, source, pictures):
    assert hub.upload(source.path, "hf://me/photos@v1") == fake_hub.commit_url
    same(load_model("hf://me/photos@v1"), source, pictures)
    stored = fake_hub.root / "me" / "photos" / "v1"
    card = (stored / "README.md").read_text()
    assert "import keras_resattn" in card and not (stored / "weights.npz").exists()
    with pytest.raises(OSError, match="404 Client Error.*Received: hf://me/photos$"):
        load_model("hf://me/photos")


@pytest.mark.parametrize("address", ["hf://", "hf://me", "hf://me/a/b", "hf://me/a@"])
def test_a_wrong_address_is_an_error(address):
    with pytest.raises(ValueError, match="hf://OWNER/REPOSITORY.*Received: hf:"):
        load_model(address)


def test_the_client_of_the_hub_has_what_is_called():
    import inspect

    import huggingface_hub

    for name in ("create_repo", "upload_folder", "upload_file"):
        real = inspect.signature(getattr(huggingface_hub.HfApi, name)).parameters
        called = inspect.signature(getattr(Hub, name)).parameters
        assert set(called) <= set(real)
    real = inspect.signature(huggingface_hub.snapshot_download).parameters
    assert {"repo_id", "revision", "allow_patterns", "library_name"} <= set(real)
