"""Files are read side by side, and the one that cannot be read is named."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import check_images
from keras_resattn.data import read_images
from keras_resattn.data import read_pictures
from keras_resattn.data import try_images
from keras_resattn.data.image_files import unreadable_images
from tests.data.encoded_images import FINE
from tests.data.encoded_images import HEIGHT
from tests.data.encoded_images import WIDTH
from tests.data.encoded_images import png_header

PREPROCESSING = Preprocessing((16, 16, 3))


@pytest.fixture(scope="module")
def fine_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fine")
    for i, content in enumerate(FINE.values()):
        (folder / f"{i:02}").write_bytes(content)
    return sorted(folder.iterdir())


def test_files_of_all_formats_are_read_at_the_networks_size(fine_files):
    images = read_images(fine_files, PREPROCESSING)
    assert images.shape == (len(FINE), 16, 16, 3) and images.dtype == np.float32
    pictures = read_pictures(fine_files, PREPROCESSING)
    for picture, image in zip(pictures, images, strict=True):
        assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == tf.uint8
        np.testing.assert_allclose(PREPROCESSING.resize(picture), image, atol=1e-3)


def test_an_image_of_the_networks_size_keeps_its_pixels(fine_files):
    preprocessing = Preprocessing((HEIGHT, WIDTH, 3))
    images = read_images(fine_files, preprocessing)
    np.testing.assert_array_equal(images, read_pictures(fine_files, preprocessing))


def test_networks_of_four_channels_read_transparency(tmp_path):
    path = tmp_path / "transparent.png"
    path.write_bytes(FINE["transparent png"])
    assert read_images([path], Preprocessing((16, 16, 4))).shape == (1, 16, 16, 4)


def test_no_files_are_no_images():
    assert read_images([], PREPROCESSING).shape == (0, 16, 16, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty; give"),
        (b"no image", "is not a PNG"),
        (gzip.compress(b"x"), "is a gzip archive, not"),
        (b"\x89PNG\r\n\x1a\n", "has no pixels"),
        (b"\xff\xd8\xff\xd9", "is damaged or cut off"),
        (FINE["png"][:150] + b"damage" + FINE["png"][156:], "is damaged or cut off"),
        (png_header(50_000, 50_000), "is too large: 50000 x 50000 pixels"),
    ],
    ids=["empty", "text", "gzip", "signature", "markers", "damaged", "bomb"],
)
def test_a_file_that_is_not_an_image_is_named_with_the_reason(
    pictures, tmp_path, content, reason
):
    bad = tmp_path / "bad.png"
    bad.write_bytes(content)
    paths = [pictures[0], bad, pictures[1]]
    for read in (check_images, read_images, read_pictures):
        with pytest.raises(ValueError, match=f"^This file {reason}.*Received: {bad}$"):
            read(paths, PREPROCESSING)
    images, reasons = try_images(paths, PREPROCESSING)
    assert [bool(reason) for reason in reasons] == [False, True, False]
    np.testing.assert_array_equal(
        images, read_images([pictures[0], pictures[1]], PREPROCESSING)
    )
    assert list(unreadable_images(paths, PREPROCESSING)) == [str(bad)]


def test_a_truncated_jpeg_is_named(photos, tmp_path):
    whole = (photos / "bright" / "00.jpg").read_bytes()
    bad = tmp_path / "cut.jpg"
    bad.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"cut off.*Received: {bad}"):
        check_images([bad], PREPROCESSING)


def test_several_bad_files_are_counted(tmp_path, pictures):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    paths = [pictures[0], tmp_path / "a.png", tmp_path / "b.png"]
    message = "is empty.* 2 of 3 files cannot be read. Received: .*a.png"
    with pytest.raises(ValueError, match=message):
        read_images(paths, PREPROCESSING)


def test_a_folder_and_a_missing_file_are_errors(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_images([tmp_path], PREPROCESSING)
    for read in (check_images, read_images):
        with pytest.raises(FileNotFoundError, match="no such file.*nothing.png"):
            read([tmp_path / "nothing.png"], PREPROCESSING)
    _, [reason] = try_images([tmp_path / "nothing.png"], PREPROCESSING)
    assert reason == "cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("channels", "reason"),
    [(4, "does not have 4 channels; give a PNG"), (2, "the network has 2 channels")],
)
def test_a_file_that_has_not_the_networks_channels_is_not_called_damaged(
    pictures, channels, reason
):
    jpeg = next(path for path in pictures if path.suffix == ".jpg")
    reasons = unreadable_images([jpeg], Preprocessing((8, 8, channels)))
    assert reason in reasons[str(jpeg)]
