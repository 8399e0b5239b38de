"""Find folders of splits that would be taken for classes."""

import re
from collections.abc import Sequence
from pathlib import Path

from keras_resattn.data.divided_files import SPLITS
from keras_resattn.data.divided_files import listed
from keras_resattn.data.divided_files import split_of_name

WORDS = {"dev", "eval", "holdout"}.union(*SPLITS.values())


def check_no_splits(root: Path, inner: dict[str, Sequence[str]]) -> None:
    """Raise a `ValueError` if the folders of classes seem to be those of splits.

    Args:
        root: The path of the folder.
        inner: The names of the folders in each folder of `root`, by its name.
    """
    names = list(inner)
    if not names:
        return
    if all(inner.values()) and all(map(_has_word_of_split, names)):
        raise ValueError(
            "These folders seem to be splits, not classes. Name them `train`, `val` "
            f"and `test`. Received: {root} with {listed(names)}"
        )
    for name in names:
        others = set(names) - {name}
        if split_of_name(name) and inner[name] and set(inner[name]) <= others:
            classes = sorted(one for one in others if not split_of_name(one))
            raise ValueError(
                f"`{name}` has folders of the same names as the folders beside it. Put "
                f"these classes into a folder `train`: {listed(classes)}. "
                f"Received: {root} with {listed(names)}"
            )
    found = {one for folders in inner.values() for one in folders}
    if all(inner.values()) and all(map(split_of_name, found)):
        raise ValueError(
            "The splits are inside the classes. Put the classes into the splits: "
            f"{names[0]}/{min(found)} becomes {min(found)}/{names[0]}. "
            f"Received: {root} with {names[0]}/{min(found)}"
        )


def _has_word_of_split(name: str) -> bool:
    return not WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower()))
