"""Large JPEGs are decoded at a half, a quarter or an eighth of their size."""

import io

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from keras_resattn.data import Preprocessing
from keras_resattn.data import read_images
from keras_resattn.data.augmentation import crop_area
from keras_resattn.data.formats import jpeg
from keras_resattn.data.image_files import read_picture
from tests.data.image_variants import exif
from tests.data.image_variants import with_segments

PREPROCESSING = Preprocessing((224, 224, 3))
RETINA = skimage.data.retina()  # 1411 x 1411, uint8


def encoded(width, height, file_format="JPEG", orientation=None):
    """Return a photograph as bytes, of a size and with the orientation of EXIF."""
    photograph = Image.fromarray(RETINA).resize((width, height))
    file = io.BytesIO()
    photograph.save(file, file_format, quality=95)
    if orientation is None:
        return file.getvalue()
    return with_segments(file.getvalue(), (0xE1, b"Exif\0\0" + exif(orientation)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1023, 2000), (1023, 2000)),
        ((1024, 2000), (512, 1000)),
        ((1027, 1029), (514, 515)),  # half a pixel more counts as a pixel
        ((2047, 2100), (1024, 1050)),
        ((2048, 2052), (512, 513)),
        ((4096, 4096), (512, 512)),
        ((16, 5000), (16, 5000)),
    ],
)
@pytest.mark.parametrize("orientation", [None, 6])
def test_the_shorter_side_keeps_512_pixels(tmp_path, size, expected, orientation):
    width, height = size
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(width, height, orientation=orientation))
    picture, reason = read_picture(path, PREPROCESSING)
    assert reason == ""
    turned = expected if orientation else expected[::-1]
    assert picture.shape == (*turned, 3)


def test_the_shorter_side_keeps_twice_the_pixels_of_the_network():
    content = encoded(2400, 1200)
    sides = [
        Preprocessing((side, side, 3)).decode(tf.constant(content)).shape[0]
        for side in (32, 300, 301, 700)
    ]
    assert sides == [600, 600, 1200, 1200]


def test_other_formats_keep_their_size():
    picture = PREPROCESSING.decode(tf.constant(encoded(1100, 1024, "PNG")))
    assert picture.shape == (1024, 1100, 3)


@pytest.mark.parametrize("orientation", [None, 1, 3, 8])
def test_files_signatures_and_python_read_the_same_pixels(tmp_path, orientation):
    content = encoded(2100, 1050, orientation=orientation)
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    (from_file,) = read_images([path], PREPROCESSING)
    decode = tf.function(PREPROCESSING.decode_or_refuse, autograph=False)
    in_graph, refusal = decode(tf.constant(content))
    assert refusal.numpy() == b""
    np.testing.assert_array_equal(in_graph, from_file)
    np.testing.assert_allclose(
        PREPROCESSING.resize(PREPROCESSING.decode(tf.constant(content))),
        from_file,
        atol=1e-3,
    )


@pytest.mark.parametrize("ratio", jpeg.RATIOS[1:])
def test_the_resized_image_is_nearly_that_of_the_full_size(ratio):
    side = 512 * ratio
    content = tf.constant(encoded(side, side))
    reduced = PREPROCESSING.decode(content)
    assert reduced.shape == (512, 512, 3)
    full = tf.io.decode_jpeg(content, 3, dct_method=jpeg.DCT_METHOD)
    difference = PREPROCESSING.resize(reduced) - PREPROCESSING.resize(full)
    # In levels of 255. Both are means over nearly the same pixels.
    assert float(tf.reduce_mean(tf.abs(difference))) < 0.7
    assert float(tf.reduce_max(tf.abs(difference))) < 8


def test_a_photograph_without_its_end_is_read_at_its_full_size(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(2048, 2048)[:-2])
    picture, reason = read_picture(path, PREPROCESSING)
    assert reason == "" and picture.shape == (2048, 2048, 3)
    path.write_bytes(encoded(2048, 2048)[:-60_000])
    picture, reason = read_picture(path, PREPROCESSING)
    assert picture is None and reason.startswith("is cut off")


@pytest.mark.parametrize(("least", "ratio"), [(None, 1), (600, 1), (300, 2), (70, 8)])
def test_a_resized_crop_is_decoded_at_the_size_that_it_needs(least, ratio):
    content = tf.constant(encoded(1600, 1200))
    seeds = tf.constant([1, 2], tf.int64)
    options = ((0.4, 0.5), 3, PREPROCESSING.decode, seeds)
    full = crop_area(content, *options).numpy()
    part = crop_area(content, *options, least).numpy()
    assert part.shape == (full.shape[0] // ratio, full.shape[1] // ratio, 3)
    # The part begins at most one of its pixels beside the same place.
    blocks = full[: part.shape[0] * ratio, : part.shape[1] * ratio].astype("float32")
    blocks = blocks.reshape(part.shape[0], ratio, part.shape[1], ratio, 3)
    assert np.abs(blocks.mean(axis=(1, 3)) - part).mean() < 3
