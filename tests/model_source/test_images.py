"""Images as paths, PIL images and arrays."""

import numpy as np
import pytest
from PIL import Image


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


def test_16_bit_images_are_read_as_files_of_them(source, tmp_path):
    pixels = np.linspace(0, 65_535, 400).reshape(20, 20).astype("uint16")
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    opened = Image.open(tmp_path / "grey.png")
    assert opened.mode.startswith("I")
    np.testing.assert_allclose(
        source.images(opened), source.images(tmp_path / "grey.png"), atol=1e-3
    )
    eight = Image.fromarray((pixels >> 8).astype("int32"))
    assert eight.mode == "I"
    np.testing.assert_allclose(source.images(eight), source.images(opened), atol=1e-3)
    for image in (opened.convert("F"), opened.convert("I").point(lambda x: x * 2)):
        with pytest.raises(ValueError, match="8 or 16 bits.*Received: .*mode '[FI]'"):
            source.images(image)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5])
def test_a_batch_size_that_is_not_positive_is_an_error(source, pictures, batch_size):
    with pytest.raises(ValueError, match=f"batch_size={batch_size}"):
        source.predict(pictures, batch_size=batch_size)
