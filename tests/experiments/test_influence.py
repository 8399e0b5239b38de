import csv
import json

import keras
import numpy as np
import pytest

import keras_resattn
from keras_resattn import with_masks
from keras_resattn.experiments import masks_influence
from keras_resattn.experiments import write_influence
from keras_resattn.views.mask_replacement import MODES

RNG = np.random.default_rng(0)
IMAGES = RNG.random((7, 16, 16, 1), "float32")
LABELS = RNG.integers(0, 4, 7)
BATCHES = [(IMAGES[:4], LABELS[:4]), (IMAGES[4:], LABELS[4:])]
MODULES = ("stage1_attention1", "stage2_attention1")


def tiny(**options):
    keras.utils.set_random_seed(0)
    options = {"input_shape": (16, 16, 1), "classes": 4, **options}
    return keras_resattn.create_model("tiny", **options)


def sharpen(model):
    """Let the classes not be all the same, whatever the image."""
    kernel = model.get_layer("predictions").kernel
    kernel.assign(3 * kernel)
    return model


@pytest.fixture(scope="module")
def model():
    return sharpen(tiny())


@pytest.fixture(scope="module")
def rows(model):
    return masks_influence(model, BATCHES, MODULES[:1], seeds=(0, 5))


def cross_entropy(probabilities):
    return -np.log(probabilities[np.arange(len(LABELS)), LABELS].clip(1e-7))


def test_each_mode_stands_once_for_all_modules_and_once_for_one(rows):
    modes = [("ones", None), ("mean", None)]
    modes += [("shuffled_channels", 0), ("shuffled_channels", 5), ("other_image", None)]
    assert [(row.masks, row.module, row.seed) for row in rows] == [
        ("on", None, None),
        *((mode, None, seed) for mode, seed in modes),
        *((mode, MODULES[0], seed) for mode, seed in modes),
    ]
    assert {row.images for row in rows} == {7}


def test_figures_are_those_of_the_predictions_of_each_network(model, rows):
    on = model.predict(IMAGES, verbose=0)
    for row in (*rows[1:5], *rows[6:9]):
        modules = row.module and [row.module]
        network = with_masks(model, row.masks, row.seed or 0, modules)
        other = network.predict(IMAGES, verbose=0)
        right = [output.argmax(-1) == LABELS for output in (on, other)]
        losses = [cross_entropy(output) for output in (on, other)]
        difference = right[1].astype(int) - right[0]
        assert row.accuracy == right[1].mean()
        assert row.accuracy_difference == pytest.approx(difference.mean())
        assert row.changed == (on.argmax(-1) != other.argmax(-1)).sum()
        assert row.lost == (difference == -1).sum()
        assert row.gained == (difference == 1).sum()
        assert row.loss == pytest.approx(losses[1].mean(), rel=1e-3)
        pairs = losses[1] - losses[0]
        assert row.loss_difference == pytest.approx(pairs.mean(), rel=1e-2, abs=1e-4)
        assert row.loss_standard_error == pytest.approx(
            pairs.std(ddof=1) / 7**0.5, rel=1e-2, abs=1e-4
        )
    assert any(row.changed for row in rows)


def test_an_image_gets_the_masks_of_the_one_before_it_across_batches(model, rows):
    before = IMAGES[[3, 0, 1, 2, 3, 4, 5]]
    swapped = with_masks(model, "other_image").predict([IMAGES, before], verbose=0)
    [row] = [row for row in rows if (row.masks, row.module) == ("other_image", None)]
    assert row.loss == pytest.approx(cross_entropy(swapped).mean(), rel=1e-3)


def test_it_reads_batches_of_any_size_once(model, rows):
    parts = [(IMAGES[:4], LABELS[:4])]
    parts += [(IMAGES[i : i + 1], LABELS[i : i + 1]) for i in range(4, 7)]
    again = masks_influence(model, iter(parts), seeds=(0, 5))
    for row, other in zip(rows[:6], again, strict=True):
        assert row[:3] == other[:3]
        assert row.loss == pytest.approx(other.loss, rel=1e-3)


def test_masks_that_are_one_already_stay_so_in_every_mode():
    model = tiny()
    for name in MODULES:
        mask = model.get_layer(f"{name}_mask")
        mask.bn2.gamma.assign(0 * mask.bn2.gamma)
        mask.bn2.beta.assign(0 * mask.bn2.beta + 1)
        mask.conv2.kernel.assign(0 * mask.conv2.kernel + 100)
    on, *rows = masks_influence(model, BATCHES, seeds=(0,))
    assert [row.masks for row in rows] == list(MODES)
    for row in rows:
        assert row.loss == pytest.approx(on.loss, rel=1e-5)
        assert row.accuracy == on.accuracy
        assert row.accuracy_difference == row.accuracy_standard_error == 0
        assert row.changed == row.lost == row.gained == 0


def test_logits_give_the_loss_of_their_probabilities(rows):
    logits = sharpen(tiny(classifier_activation=None))
    again = masks_influence(logits, BATCHES, seeds=(0, 5), from_logits=True)
    for row, other in zip(rows[:6], again, strict=True):
        assert row.accuracy == other.accuracy
        assert row.loss == pytest.approx(other.loss, rel=1e-3)


def test_a_model_in_half_precision_gives_float32_losses(rows):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = sharpen(tiny())
    finally:
        keras.config.set_dtype_policy("float32")
    half = masks_influence(model, BATCHES, seeds=(0, 5))
    for row, other in zip(half, rows[:6], strict=True):
        assert row.loss == pytest.approx(other.loss, rel=0.1)
    # Of bfloat16 none would be left but eight bits.
    assert half[0].loss != float(keras.ops.cast(half[0].loss, "bfloat16"))


def test_files_hold_every_figure(rows, tmp_path):
    write_influence(rows, tmp_path / "new", {"data": "seven images"})
    written = json.loads((tmp_path / "new" / "influence.json").read_text())
    assert written["data"] == "seven images"
    assert written["version"] == keras_resattn.__version__
    assert written["rows"] == [row._asdict() for row in rows]
    with (tmp_path / "new" / "influence.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["masks"] for row in table] == [row.masks for row in rows]
    assert [float(row["loss"]) for row in table] == [row.loss for row in rows]


@pytest.mark.parametrize(
    ("batches", "options", "message"),
    [
        ([], {}, "at least two images. Received: no batches"),
        ([(IMAGES[:1], LABELS[:1])], {}, "at least two. Received: 1 images"),
        ([(IMAGES[:, :8], LABELS)], {}, r"\(None, 16, 16, 1\).*Received: .*\(7, 8,"),
        ([(IMAGES[0], LABELS)], {}, r"Received: images of shape \(16, 16, 1\)"),
        ([(IMAGES, LABELS[:3])], {}, r"7 integers, one per image.*shape \(3,\)"),
        ([(IMAGES, np.eye(4)[LABELS])], {}, "Labels must be 7 integers.*float64"),
        ([(IMAGES, LABELS + 3)], {}, "0 to 3.*Received: labels from 3 to"),
        (BATCHES, {"modules": ["stage9"]}, "'stage2_attention1'.*'stage9'"),
    ],
)
def test_what_does_not_fit_is_an_error(model, batches, options, message):
    with pytest.raises(ValueError, match=message):
        masks_influence(model, batches, **options)


def test_a_model_that_has_no_masks_or_returns_logits_is_an_error():
    with pytest.raises(ValueError, match="this model has none.*Received: model="):
        masks_influence(tiny(attention="none"), BATCHES)
    with pytest.raises(ValueError, match="from_logits=True.*Received: outputs"):
        masks_influence(tiny(classifier_activation=None), BATCHES)
