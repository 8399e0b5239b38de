"""The whole way of photographs as people have them: a zip file from a Mac."""

import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

COLORS = {"sky": (70, 130, 220), "grass": (60, 160, 60), "brick": (170, 80, 60)}
COUNTS = {"train": 12, "valid": 4, "Testing": 5}
SIDEWAYS = 6  # the EXIF orientation of a phone that was turned


def photograph(label, seed, shape=(40, 30)):
    rng = np.random.default_rng(seed)
    noise = rng.integers(-40, 40, (*shape, 3))
    return Image.fromarray(np.clip(COLORS[label] + noise, 0, 255).astype("uint8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pack photographs as the Finder does, and unpack them as Linux does."""
    root = tmp_path_factory.mktemp("zip")
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    for label in COLORS:
        for split, count in COUNTS.items():
            rare = label == "brick" and split == "train"
            place = root / "made" / split / label
            (place / "holiday").mkdir(parents=True)
            for i in range(2 if rare else count):
                inner = place / "holiday" if i % 3 == 0 else place
                image = photograph(label, 100 * len(split) + i)
                image.save(inner / f"IMG_{i}.JPG", exif=exif)
                (inner / f"._IMG_{i}.JPG").write_bytes(b"\0\5\x16\7" + bytes(90))
    train = root / "made" / "train" / "sky"
    (train / "empty.jpg").write_bytes(b"")
    (train / "cut.jpg").write_bytes((train / "IMG_1.JPG").read_bytes()[:100])
    (train / "page.png").write_text("<html>Not found</html>")
    (train / "IMG_9.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (train / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    shutil.copytree(train, root / "made" / "__MACOSX" / "train" / "sky")
    archive = shutil.make_archive(root / "photographs", "zip", root / "made")
    with zipfile.ZipFile(archive) as file:
        file.extractall(root / "photographs")
    return root / "photographs"


def arguments(folder, out, *settings):
    settings = [
        f"data.name={folder}",
        "network.name=tiny",
        "network.weights=null",
        "network.input_shape=[16, 16, 3]",
        "augmentation.crop_padding=1",
        "train.epochs=30",
        "train.learning_rate=0.1",
        "train.batch_size=12",
        *settings,
    ]
    return ("train", "folder", *(f"--set={s}" for s in settings), "--out", out)


def test_every_unreadable_photograph_is_named_before_the_training(
    run, folder, tmp_path
):
    code, output, errors = run(*arguments(folder, tmp_path / "run"))
    assert code == 1 and not (tmp_path / "run").exists()
    assert "3 of 56 images cannot be read:" in errors
    for name in ("cut.jpg", "empty.jpg", "page.png"):
        assert f"{folder}/train/sky/{name}" in errors
    assert "data.on_error=skip" in errors


def test_photographs_become_a_model_that_knows_them(run, folder, tmp_path):
    out = tmp_path / "run"
    skip = "data.on_error=skip"
    code, output, errors = run(*arguments(folder, out, skip))
    assert code == 0, errors
    said = " ".join(output.split())
    assert "53 images, 3 classes (brick, grass, sky)" in said
    for label, trained in {"brick": 2, "grass": 12, "sky": 12}.items():
        assert f"{label} {trained} 4 5" in said
    assert "left out: 54 hidden, 29 of the operating system, 1 .heic" in said
    reasons = "1 a JPEG image that is cut off or damaged, 1 empty, 1 a web page"
    assert f"Left out 3 unreadable images ({reasons})" in said
    code, output, errors = run("evaluate", out)
    assert code == 0 and "accuracy 1.0000" in output
