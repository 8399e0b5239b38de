import itertools

import keras
import numpy as np
import pydantic
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data.augmentation import crop_area
from keras_resattn.data.augmentation import image_augmentation
from keras_resattn.data.augmentation import jitter_colors
from keras_resattn.data.rand_augment import RandAugment
from keras_resattn.data.random_seeds import seeds_of
from keras_resattn.recipes.settings import Augmentation
from keras_resattn.recipes.settings import RandAugment as RandAugmentSettings

NOTHING = {"crop": "none", "flip": False}


def photo(height=60, width=80, channels=3):
    """A smooth picture, so that its JPEG is close to it."""
    rows, columns = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin((rows + i * columns) / 9) for i in range(channels)]
    return np.stack(waves, axis=-1).astype("uint8")


def seeds(count):
    return tf.stack([seeds_of(0, i) for i in range(count)])


def augmented(images, count=1, **settings):
    """Augment one image under `count` seeds, as a pipeline does."""
    preprocessing = Preprocessing(images.shape)
    augment = image_augmentation(Augmentation(**settings), preprocessing, tf.identity)
    dataset = tf.data.Dataset.from_tensor_slices(seeds(count))
    dataset = dataset.map(lambda seeds: augment(tf.constant(images), seeds))
    return np.stack(list(dataset.as_numpy_iterator()))


@pytest.mark.parametrize(
    "settings, dtype",
    [
        ({}, "uint8"),
        ({"color_jitter": 0.4}, "float32"),
        ({**NOTHING, "vertical_flip": True}, "uint8"),
        ({**NOTHING, "rotation": 20}, "float32"),
        ({**NOTHING, "random_erasing": 0.6}, "float32"),
        ({"crop": "resized"}, "float32"),
        pytest.param(
            {"rand_augment": RandAugmentSettings(num_ops=1)},
            "float32",
            marks=pytest.mark.slow,
        ),
    ],
    ids=[
        *("pad and flip", "colours", "vertical flip", "rotation", "erasing"),
        *("resized crop", "RandAugment"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixel_values_stay_in_their_range_and_follow_from_the_seed(
    settings, dtype, channels
):
    image = photo(24, 24, channels)
    first, second = (augmented(image, 4, **settings) for _ in range(2))
    assert first.dtype == dtype
    assert first.shape == (4, 24, 24, channels)
    assert 0 <= first.min() and 50 < first.max() <= 255
    np.testing.assert_array_equal(first, second)
    assert any((a != b).any() for a, b in itertools.pairwise(first))


def test_nothing_leaves_the_pixels():
    image = photo(8, 8)
    np.testing.assert_array_equal(augmented(image, **NOTHING)[0], image)


def test_a_resized_crop_has_the_area_and_the_aspect_ratio_asked_for():
    # Each pixel's channels are its row and its column.
    rows, columns = np.mgrid[:200, :200]
    image = tf.constant(np.stack([rows, columns, rows], axis=-1).astype("uint8"))
    areas, ratios = [], []
    for seed in seeds(100):
        part = crop_area(image, (0.1, 0.5), 3, tf.identity, seed)
        height, width = part.shape[:2]
        np.testing.assert_array_equal(
            part, image[int(part[0, 0, 0]) :, int(part[0, 0, 1]) :][:height, :width]
        )
        areas.append(height * width / 200**2)
        ratios.append(width / height)
    assert 0.09 < min(areas) < 0.2 and 0.4 < max(areas) < 0.51
    assert 0.73 < min(ratios) < 0.85 and 1.2 < max(ratios) < 1.36


@pytest.mark.parametrize("chroma_downsampling", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_part_of_a_jpeg_is_that_of_the_whole(channels, chroma_downsampling):
    jpeg = tf.io.encode_jpeg(photo(), chroma_downsampling=chroma_downsampling)
    decode = Preprocessing((16, 16, channels)).decode
    # Chroma of half the size is interpolated up to the edges of what is decoded.
    inside = slice(1, -1) if chroma_downsampling else slice(None)
    for seed in seeds(8):
        fused = crop_area(jpeg, (0.08, 1.0), channels, decode, seed)
        whole = crop_area(decode(jpeg), (0.08, 1.0), channels, tf.identity, seed)
        assert fused.shape == whole.shape
        np.testing.assert_array_equal(fused[inside, inside], whole[inside, inside])


@pytest.mark.parametrize("encode", [tf.io.encode_png, tf.io.encode_jpeg])
def test_bytes_of_any_format_are_cropped(encode):
    decode = Preprocessing((16, 16, 3)).decode
    part = crop_area(encode(photo()), (0.2, 0.3), 3, decode, seeds(1)[0])
    assert 0.19 < part.shape[0] * part.shape[1] / (60 * 80) < 0.31


def test_a_resized_crop_is_antialiased_unless_told_not_to():
    # The finest of patterns: antialiased it is grey, else black and white remain.
    pattern = tf.constant(np.indices((128, 128)).sum(0)[..., None] % 2 * 255, tf.uint8)
    spreads = []
    for antialias in (True, False):
        settings = Augmentation(crop="resized", antialias=antialias)
        preprocessing = Preprocessing((32, 32, 1))
        augment = image_augmentation(settings, preprocessing, tf.identity)
        image = augment(pattern, seeds(1)[0])
        assert image.shape == (32, 32, 1)
        spreads.append(np.std(image))
    assert spreads[0] < 10 < 30 < spreads[1]


def test_colours_vary_within_their_bounds():
    grey = np.full((4, 4, 3), 100, "uint8")
    values = np.array([jitter_colors(grey, 0.2, seed)[0, 0, 0] for seed in seeds(60)])
    # Contrast and saturation leave an even grey: it is brightness alone.
    assert 100 - 51 - 0.01 <= values.min() < 60
    assert 140 < values.max() <= 100 + 51 + 0.01


def test_contrast_and_saturation_vary():
    image = np.array([[[120, 100, 100], [160, 130, 130]]], "uint8")
    varied = np.array([jitter_colors(image, 0.3, seed) for seed in seeds(60)])
    contrast = np.ptp(varied.mean(axis=-1), axis=(1, 2)) / np.ptp(image.mean(axis=-1))
    saturation = 1 - varied.min(axis=-1) / varied.max(axis=-1)
    assert contrast.min() < 0.9 and contrast.max() > 1.1
    assert np.ptp(saturation[:, 0, 0]) > 0.05


def test_a_vertical_flip_is_that_of_half_of_the_images():
    image = photo(6, 5)
    flipped = augmented(image, 60, **NOTHING, vertical_flip=True)
    upside_down = [np.array_equal(one, image[::-1]) for one in flipped]
    upright = [np.array_equal(one, image) for one in flipped]
    assert sum(upright) + sum(upside_down) == 60
    assert 18 < sum(upside_down) < 42


def test_rotations_are_by_up_to_the_angle_in_both_directions():
    rows, columns = np.mgrid[:65, :65] - 32
    # The brightness is the direction from the middle: in degrees, + 60.
    direction = np.degrees(np.arctan2(rows, np.maximum(columns, 1)))
    image = np.repeat(direction[..., None] + 60, 3, axis=-1).clip(0, 120)
    rotated = augmented(image.astype("float32"), 60, **NOTHING, rotation=30)
    angles = rotated[:, 32, 52, 0] - 60
    assert -30.5 < angles.min() < -20 and 20 < angles.max() < 30.5
    assert len(set(angles.round(3))) > 50


def test_erasing_replaces_a_rectangle_of_some_images_by_noise():
    image = np.full((40, 40, 3), 100, "float32")
    erased = (augmented(image, 80, **NOTHING, random_erasing=0.25) != 100).all(axis=-1)
    shares = erased.mean(axis=(1, 2))
    assert 8 <= np.count_nonzero(shares) <= 32
    assert 0.01 < shares[shares > 0].min() and shares.max() < 0.36
    for mask in erased[shares > 0]:
        (rows,), (columns,) = mask.any(axis=1).nonzero(), mask.any(axis=0).nonzero()
        inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert inside.mean() > 0.98  # noise may be 100 by chance


def test_each_augmentation_has_random_numbers_of_its_own():
    image, jitter = photo(12, 12), {"color_jitter": 0.3}
    both = augmented(image, 6, **jitter, vertical_flip=True)
    for one, other in zip(augmented(image, 6, **jitter), both, strict=True):
        assert min(np.ptp(one - other), np.ptp(one - other[::-1])) < 0.01


@pytest.mark.parametrize(
    "setting, value",
    [("rotation", 181), ("rotation", -1), ("random_erasing", 1.5)],
)
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(pydantic.ValidationError, match=f"(?s){setting}.*equal to"):
        Augmentation(**{setting: value})


def test_rand_augment_does_what_the_layer_of_keras_does():
    augment = RandAugment(RandAugmentSettings(num_ops=2, factor=0.4))
    image = photo(16, 16)

    @tf.function
    def both(seeds):
        images = tf.constant(image, tf.float32)[None]
        chosen, transformations = augment.draw(images, seeds)
        drawn = dict(zip(augment.layer._AUGMENT_LAYERS, transformations, strict=True))
        mixture = {"layer_idxes": chosen, "transforms": drawn}
        expected = augment.layer.transform_images(images, mixture)[0]
        return augment(tf.constant(image), seeds), expected, chosen

    operations = set()
    for seed in seeds(30):
        ours, theirs, chosen = both(seed)
        np.testing.assert_allclose(ours, tf.clip_by_value(theirs, 0, 255), atol=1e-3)
        operations |= set(chosen.numpy())
    assert operations == set(range(len(augment.operations)))


@pytest.mark.slow
def test_the_global_dtype_policy_changes_no_pixel():
    before = augmented(photo(8, 8), rand_augment=RandAugmentSettings())
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        after = augmented(photo(8, 8), rand_augment=RandAugmentSettings())
    finally:
        keras.config.set_dtype_policy(policy)
    np.testing.assert_array_equal(before, after)
