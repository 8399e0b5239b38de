"""Which images are found in folders, and how they are divided."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from keras_resattn.data.class_folders import find_class_folders
from keras_resattn.data.divided_files import count_held_out
from keras_resattn.recipes.files import load_recipe
from keras_resattn_client.image_files import describe_left_out
from keras_resattn_client.image_files import find_images
from keras_resattn_client.image_files import search_folder

HALF = Path(__file__).parents[1] / "saved_before" / "half" / "recipe.yaml"


def fill(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def numbered(count):
    return [f"{i}.png" for i in range(count)]


def counts(root):
    found = find_class_folders(root)
    splits = (found.train, found.validation, found.test)
    return [Counter(found.labels[number] for _, number in split) for split in splits]


def test_endings_in_any_case_are_found_and_others_counted(tmp_path):
    images = ["a.JPG", "b.Jpeg", "c.jpe", "d.JFIF", "deep/er/e.webp", "f.x/g.Bmp"]
    others = ["1.tif", "2.TIF", "notes", "._a.jpg", ".DS_Store", "Thumbs.db"]
    fill(tmp_path, *images, *others, "__MACOSX/._a.JPG", "__MACOSX/b/c.png")
    found, left_out = search_folder(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == images
    assert describe_left_out(left_out) == (
        "left out: 3 of the operating system, 2 .tif, 2 hidden, 1 without an ending"
    )


def test_links_are_followed_and_loops_end(tmp_path):
    fill(tmp_path / "store" / "cats", "1.png")
    fill(tmp_path / "photos" / "cat", "0.png")
    cat = tmp_path / "photos" / "cat"
    (cat / "more").symlink_to(tmp_path / "store" / "cats")
    (cat / "again").symlink_to(tmp_path / "store" / "cats")
    (cat / "up").symlink_to(tmp_path / "photos")
    (tmp_path / "store" / "cats" / "back").symlink_to(cat)
    (cat / "itself").symlink_to(cat / "itself")
    (cat / "gone.png").symlink_to(tmp_path / "gone.png")
    found, left_out = search_folder(cat)
    assert sorted(path.name for path in found) == ["0.png", "1.png"]
    assert sorted(left_out.values()) == [2, 3]


def test_images_found_through_a_folder_are_counted_for_the_caller(tmp_path):
    fill(tmp_path, "a.png", "b.tif")
    left_out = Counter()
    assert find_images([tmp_path], left_out) == [tmp_path / "a.png"]
    assert left_out == {".tif": 1}
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match="no images.*left out: 1 .tif"):
        find_images([tmp_path])


def test_a_class_folder_that_links_to_a_folder_above_is_not_a_class(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / name, *numbered(4))
    (tmp_path / "loop").symlink_to(tmp_path)
    found = find_class_folders(tmp_path)
    assert found.labels == ("cat", "dog")
    assert "1 links to folders" in found.notes[0]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "valid", "test"),
        ("TRAIN", "Val", "Testing"),
        ("Training", "validation", "TEST"),
    ],
)
def test_three_splits_are_three_things(tmp_path, names):
    for name, count in zip(names, (5, 3, 2), strict=True):
        for label in ("cat", "dog"):
            fill(tmp_path / name / label, *numbered(count))
    splits = counts(tmp_path)
    assert [split["dog"] for split in splits] == [5, 3, 2]


def test_two_splits_are_validated_on_the_test_images_unless_a_share_is_given(tmp_path):
    for name in ("train", "test"):
        for label in ("cat", "dog"):
            fill(tmp_path / name / label, *numbered(20))
    found = find_class_folders(tmp_path)
    assert found.validation is found.test and len(found.train) == 40
    found = find_class_folders(tmp_path, 0.25)
    parts = found.train, found.validation, found.test
    assert [len(part) for part in parts] == [30, 10, 40]


def test_classes_must_be_trained_but_need_not_be_tested(tmp_path):
    for label in ("cat", "dog"):
        fill(tmp_path / "train" / label, *numbered(3))
    fill(tmp_path / "val" / "cat", "a.png")
    found = find_class_folders(tmp_path)
    assert found.notes[0] == "0 validation images: dog."
    fill(tmp_path / "val" / "lynx", "a.png")
    with pytest.raises(ValueError, match="no training images of lynx.*Received: lynx"):
        find_class_folders(tmp_path)


def test_a_test_folder_without_classes_is_not_used(tmp_path):
    for label in ("cat", "dog"):
        fill(tmp_path / "train" / label, *numbered(10))
    fill(tmp_path / "test", *numbered(5))
    found = find_class_folders(tmp_path)
    assert (len(found.train), len(found.test)) == (18, 2)
    assert "is not used" in found.notes[0]
    assert "5 outside of class folders" in found.notes[1]


def test_train_without_other_splits_is_a_class(tmp_path):
    for label in ("bus", "train"):
        fill(tmp_path / label, *numbered(10))
    assert find_class_folders(tmp_path).labels == ("bus", "train")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train/a", "train/b", "Training/a", "val/a"), "same split"),
        (("test/a", "val/a"), "none to train on"),
        (("photos/a", "photos/b"), "Did you mean .*photos"),
        (("training_set/a", "training_set/b", "test_set/a"), "Name them `train`"),
        (("seg_train/a", "seg_test/a"), "Name them `train`"),
        (("train/a", "train/b", "dev/a"), "Name them `train`"),
        (("a", "b", "test/a", "test/b"), "into a folder `train`"),
        (("a/train", "a/val", "b/train"), "a/train becomes train/a"),
    ],
)
def test_folders_that_cannot_be_meant_are_errors(tmp_path, folders, message):
    for folder in folders:
        fill(tmp_path / folder, *numbered(3))
    with pytest.raises(ValueError, match=f"{message}.*Received: {tmp_path}"):
        find_class_folders(tmp_path)


def test_folders_inside_class_folders_are_counted(tmp_path):
    for folder in ("cat/2023", "cat/2024", "dog/2023", "test"):
        fill(tmp_path / folder, *numbered(4))
    found = find_class_folders(tmp_path)
    assert found.labels == ("cat", "dog", "test")
    (note,) = [note for note in found.notes if "inside" in note]
    assert re.match(r"12 images.*such as .*cat/2023\.", note)


def test_files_in_two_splits_or_classes_are_counted(tmp_path):
    for folder in ("train/cat", "train/dog", "val/dog"):
        fill(tmp_path / folder, *numbered(4))
    (tmp_path / "val" / "cat").symlink_to(tmp_path / "train" / "cat")
    (tmp_path / "train" / "kitten").symlink_to(tmp_path / "train" / "cat")
    (tmp_path / "val" / "dog" / "9.png").symlink_to(tmp_path / "train/dog/0.png")
    notes = find_class_folders(tmp_path).notes
    assert [note[:30] for note in notes if "images" in note][-2:] == [
        "4 training images have two cla",
        "5 validation images are also t",
    ]


def test_a_folder_that_cannot_be_read_is_counted(tmp_path, monkeypatch):
    fill(tmp_path, "a.png", "private/b.png")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "private":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, left_out = search_folder(tmp_path)
    assert found == [tmp_path / "a.png"]
    assert describe_left_out(left_out) == "left out: 1 folders that cannot be read"


def test_a_folder_without_images_does_not_stop_the_others(tmp_path):
    fill(tmp_path, "a/a.png", "b/notes.txt")
    (tmp_path / "c").mkdir()
    left_out = Counter()
    given = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    assert find_images(given, left_out, keep_missing=True) == [tmp_path / "a/a.png"]
    assert dict(left_out) == {".txt": 1, "folders without images": 2}
    with pytest.raises(FileNotFoundError, match="no images.*b, .*c"):
        find_images(given[1:], keep_missing=True)


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(1, 0.1, 0), (2, 0.1, 1), (6, 0.1, 1), (25, 0.1, 3), (2, 0.9, 1), (10, 0.5, 5)],
)
def test_a_share_of_each_class_is_held_out(count, share, held_out):
    assert count_held_out(count, share) == held_out


def test_each_class_has_images_to_train_and_test_on(tmp_path):
    for label, count in (("a", 1), ("b", 2), ("c", 3), ("d", 57)):
        fill(tmp_path / label, *numbered(count))
    train, validation, _ = counts(tmp_path)
    assert train == {"a": 1, "b": 1, "c": 2, "d": 51}
    assert validation == {"b": 1, "c": 1, "d": 6}
    assert "0 validation images: a." in find_class_folders(tmp_path).notes


def test_classes_of_one_image_each_are_an_error(tmp_path):
    for label in "abc":
        fill(tmp_path / label, "0.png")
    with pytest.raises(ValueError, match="none can be held out.*3 images of 3 classes"):
        find_class_folders(tmp_path)


def test_seed_and_names_decide_which_images_are_held_out(tmp_path):
    for label in ("cat", "dog"):
        fill(tmp_path / "photos" / label, *numbered(40))

    def held(root, seed=0):
        files = find_class_folders(root, 0.2, seed).validation
        return {os.path.relpath(path, root) for path, _ in files}

    before = held(tmp_path / "photos")
    assert before == held(tmp_path / "photos") != held(tmp_path / "photos", 1)
    (tmp_path / "photos").rename(tmp_path / "moved")
    assert held(tmp_path / "moved") == before
    fill(tmp_path / "moved" / "cat", "new.png")
    assert len(held(tmp_path / "moved") - before) <= 1


def test_a_recipe_that_version_0_1_saved_keeps_its_rule(tmp_path):
    assert load_recipe(HALF).data.validation == "version_0.1"
    assert load_recipe("folder").data.validation == 0.1
    assert load_recipe("demo").data.validation is None
    with pytest.raises(ValueError, match="share above 0 and below 1.*Received: 1.5"):
        load_recipe("demo", ["data.validation=1.5"])
    saved = tmp_path / "recipe.yaml"
    saved.write_text(load_recipe("demo").to_yaml())
    assert load_recipe(saved) == load_recipe("demo")
