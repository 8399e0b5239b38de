"""CSV files that list images."""

import re
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from keras_resattn.data import Preprocessing
from keras_resattn.data import load
from keras_resattn.data.manifest import divide_manifest
from keras_resattn.recipes.settings import Data

PREPROCESSING = Preprocessing((8, 8, 3))


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def images(folder, count):
    """Write PNG files of one grey value each, 0, 10, 20..."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        pixels = np.full((8, 8, 3), 10 * i, "uint8")
        (folder / f"{i}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    return [f"{folder.name}/{i}.png" for i in range(count)]


def test_images_are_those_that_the_lines_name_with_sorted_classes(tmp_path):
    a, b, c, d = images(tmp_path / "x", 4)
    path = write(
        tmp_path / "list.csv",
        "label,path,camera,split",
        f"zebra,{a},1,TRAIN",
        f"ant,{b},2,training",
        f'"ant",{c},2,Val',
        f"zebra,{tmp_path / d},1,test",
    )
    data = load(str(path), PREPROCESSING)
    assert data.labels == ("ant", "zebra")
    for split, expected in [
        (data.train, [(0, 1), (10, 0)]),
        (data.validation, [(20, 0)]),
        (data.test, [(30, 1)]),
    ]:
        found = [(int(image[0, 0, 0]), int(label)) for image, label in split.images]
        assert found == expected


def test_without_splits_images_of_each_class_are_held_out_by_the_seed(tmp_path):
    names = images(tmp_path / "x", 20)
    lines = [f"{name},{'cat' if i < 12 else 'dog'}" for i, name in enumerate(names)]
    path = write(tmp_path / "list.csv", "\ufeffpath,label", *lines)
    found = divide_manifest(path, 0.25, seed=1)
    counts = Counter(number for _, number in found.validation)
    assert counts == {0: 3, 1: 2} and len(found.train) == 15
    assert not {p for p, _ in found.train} & {p for p, _ in found.validation}
    # Neither other lines nor the place of the file change what is held out.
    held = {name[len(str(tmp_path)) :] for name, _ in found.validation}
    moved = tmp_path.rename(tmp_path.with_name(tmp_path.name + "_moved"))
    again = divide_manifest(moved / "list.csv", 0.25, seed=1).validation
    assert {name[len(str(moved)) :] for name, _ in again} == held
    other = divide_manifest(moved / "list.csv", 0.25, seed=2).validation
    assert {name[len(str(moved)) :] for name, _ in other} != held


@pytest.mark.parametrize(
    "header, message",
    [
        ("file,label", "lacks path.*Received: file,label in"),
        ("path;label", "lacks path and label; .*separated by commas"),
        ("path,label,path", "has path twice"),
        ("", "lacks path and label"),
    ],
)
def test_a_wrong_header_is_named(tmp_path, header, message):
    path = write(tmp_path / "list.csv", header, "a.png,cat")
    with pytest.raises(ValueError, match=message):
        divide_manifest(path)


def test_all_wrong_lines_are_named_at_once(tmp_path):
    a, b, _ = images(tmp_path / "x", 3)
    path = write(
        tmp_path / "list.csv",
        "path,label,split",
        f"{a},cat,train",
        "x/absent.png,cat,train",
        f"{b},,train",
        f"{b},dog,holdout",
        f"{a},dog,test",
        ",dog,test",
    )
    with pytest.raises(ValueError) as error:
        divide_manifest(path)
    for line in (
        "5 lines of this CSV file are wrong",
        "line 3: there is no such file: x/absent.png",
        "line 4: there is no label for x/1.png",
        "line 5: unknown split 'holdout'; use train, validation or test",
        "line 6: the same file as in line 2: x/0.png",
        "line 7: there is no path",
    ):
        assert line in str(error.value)
    assert str(error.value).endswith(f"Received: {path}")


@pytest.mark.parametrize(
    "lines, message",
    [
        (
            ["{0},cat,train", "{1},cat,test"],
            "two or more classes.*1 classes in 1",
        ),
        (["{0},cat,train", "{1},dog,train", "{2},emu,test"], "no training images.*emu"),
        ([], "line 2: there is no image"),
    ],
)
def test_classes_without_training_images_are_an_error(tmp_path, lines, message):
    names = images(tmp_path / "x", 3)
    path = tmp_path / "list.csv"
    write(path, "path,label,split", *(line.format(*names) for line in lines))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        divide_manifest(path)


def test_files_that_are_absent_or_not_text_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such CSV file.*path,label"):
        load(str(tmp_path / "absent.csv"), PREPROCESSING)
    (tmp_path / "list.csv").write_bytes("path,label\nä.png,cat".encode("latin-1"))
    with pytest.raises(ValueError, match="not CSV in UTF-8"):
        load(str(tmp_path / "list.csv"), PREPROCESSING)


def test_unreadable_images_can_be_left_out(tmp_path):
    names = images(tmp_path / "x", 8)
    (tmp_path / names[0]).write_bytes(b"")
    lines = [f"{name},{'cat' if i < 4 else 'dog'}" for i, name in enumerate(names)]
    path = write(tmp_path / "list.csv", "path,label", *lines)
    data = load(Data(name=str(path), on_error="skip"), PREPROCESSING)
    assert [re.search(r"\d\.png", name)[0] for name in data.skipped] == ["0.png"]
    assert data.train.count + data.validation.count == 7


def test_cells_beyond_the_header_are_told(tmp_path):
    a, b = images(tmp_path / "x", 2)
    path = write(tmp_path / "list.csv", "path,label", f"{a},cat, big", f"{b},dog,")
    with pytest.raises(ValueError, match=r"(?s)line 2: more cells.*: big; put quotes"):
        divide_manifest(path)


def test_a_stray_quotation_mark_does_not_hide_lines(tmp_path):
    a, b, c = images(tmp_path / "x", 3)
    lines = [f'{a},cat,"5 inch', f"{b},dog,fine", f'{c},dog,"6 inch']
    path = write(tmp_path / "list.csv", "path,label,comment", *lines)
    with pytest.raises(ValueError, match="not CSV.*after line 1.*written twice"):
        divide_manifest(path)


def test_the_same_file_by_another_path_is_an_error(tmp_path):
    a, b = images(tmp_path / "x", 2)
    lines = [f"{a},cat", f"{b},dog", f"x/../{a},dog", f"{'n' * 300},cat"]
    path = write(tmp_path / "list.csv", "path,label", *lines)
    with pytest.raises(ValueError) as error:
        divide_manifest(path)
    assert "line 4: the same file as in line 2: x/../x/0.png" in str(error.value)
    assert "line 5: this file cannot be read (File name too long)" in str(error.value)
