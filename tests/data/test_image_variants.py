"""What is read is what a viewer shows, in the graph and from files."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data.decoding import decode_or_refuse
from keras_resattn.data.image_files import read_picture
from tests.data.image_variants import VARIANTS
from tests.data.image_variants import viewed


@pytest.fixture(scope="module")
def decode():
    """The decoder as a graph, as in an exported model."""
    return tf.function(
        lambda content: decode_or_refuse(content, 3),
        input_signature=[tf.TensorSpec((), tf.string)],
        autograph=False,
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_read_as_a_viewer_shows_it(decode, tmp_path, name):
    content = VARIANTS[name]
    expected = viewed(content)
    image, refusal = decode(content)
    assert refusal.numpy() == b""
    np.testing.assert_allclose(image.numpy().astype(int), expected, atol=1)
    path = tmp_path / "of_no_known_ending.txt"
    path.write_bytes(content)
    picture, reason = read_picture(path, Preprocessing((8, 8, 3)))
    assert reason == ""
    np.testing.assert_array_equal(picture, image)


@pytest.mark.parametrize("name", [name for name in VARIANTS if "EXIF" not in name])
def test_a_variant_becomes_grey_as_a_viewer_makes_it(tmp_path, name):
    path = tmp_path / "image"
    path.write_bytes(VARIANTS[name])
    picture, reason = read_picture(path, Preprocessing((8, 8, 1)))
    assert reason == ""
    # First RGB: what Pillow makes grey of transparent and palette images differs.
    rgb = viewed(VARIANTS[name])
    expected = rgb @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(picture.numpy()[..., 0], expected, atol=1)
