"""Many images, some of which cannot be classified."""

import pytest

from keras_resattn.local_classifier import LocalClassifier
from keras_resattn_client import Client
from keras_resattn_client import ServerError
from keras_resattn_client import ServerUnreachable
from keras_resattn_client.bulk import BadImage
from keras_resattn_client.bulk import RemoteClassifier
from keras_resattn_client.bulk import classify_all
from keras_resattn_client.image_files import find_images
from keras_resattn_client.result_formats import Result


def classify(paths):
    if any("bad" in path for path in paths):
        raise BadImage("not\nreadable")
    return [Result(path, (("good", 1.0),)) for path in paths]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 100])
def test_bad_images_do_not_stop_the_others(batch_size):
    paths = ["bad1", "a", "b", "bad2", "bad3", "c", "d"]
    batches = list(classify_all(paths, classify, batch_size))
    results = sum(batches, [])
    assert [result.image for result in results] == paths
    assert max(map(len, batches)) <= batch_size
    for result in results:
        assert result.error == ("not readable" if "bad" in result.image else "")
        assert bool(result.classes) != bool(result.error)


@pytest.fixture(scope="module")
def mixed(pictures, tmp_path_factory):
    """Three images of which the second is none."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "text.png").write_text("no image")
    return [pictures[0], folder / "text.png", pictures[1]]


def test_local_and_remote_results_are_the_same(mixed, rest_url, model_folder):
    local = sum(classify_all(mixed, LocalClassifier(model_folder.path)), [])
    with Client(rest_url, "small") as client:
        remote = sum(classify_all(mixed, RemoteClassifier(client)), [])
    for one, other, path in zip(local, remote, mixed, strict=True):
        assert one.image == other.image == str(path)
        assert [c for c, _ in one.classes] == [c for c, _ in other.classes]
        probabilities = [p for _, p in one.classes]
        assert [p for _, p in other.classes] == pytest.approx(probabilities, abs=1e-5)
    assert local[1].error and remote[1].error
    assert not (local[0].error or remote[0].error or remote[2].error)


def test_a_file_that_vanished_is_one_bad_image(mixed, rest_url, tmp_path):
    paths = [mixed[0], tmp_path / "gone.png"]
    with Client(rest_url, "small") as client:
        results = sum(classify_all(paths, RemoteClassifier(client)), [])
    assert "gone.png" in results[1].error and not results[0].error


def test_what_is_wrong_with_every_request_is_no_fault_of_the_images(rest_url):
    with Client(rest_url, "small", signature="nope") as client:
        with pytest.raises(ServerError, match='"nope" not found'):
            RemoteClassifier(client)
    with Client("http://127.0.0.1:1", "small", retries=0) as client:
        with pytest.raises(ServerUnreachable):
            RemoteClassifier(client)


def test_folders_are_searched_and_files_taken_as_they_are(photos, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("image without an extension that is known")
    found = find_images([other, photos, photos / "dark", other])
    assert found == [other, *sorted(photos.glob("*/*"))]
    assert find_images([photos / "dark"]) == sorted((photos / "dark").iterdir())


def test_paths_without_images_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no images.*Received: {tmp_path}"):
        find_images([tmp_path])
    with pytest.raises(FileNotFoundError, match="no such file.*missing"):
        find_images([tmp_path / "missing"])


def test_a_missing_path_does_not_stop_the_others(pictures, tmp_path):
    missing = tmp_path / "missing.png"
    found = find_images([missing, pictures[0]], keep_missing=True)
    assert found == [missing, pictures[0]]
    with pytest.raises(FileNotFoundError, match="no such file.*missing"):
        find_images([missing], keep_missing=True)
