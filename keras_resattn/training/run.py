"""The folders of a run: `<out>.partial` during the training, then `<out>`."""

import contextlib
import csv
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_resattn.data import LabelledImages
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import SKIPPED
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Recipe
from keras_resattn.typing import StrPath

PARTIAL = ".partial"


class Run:
    """A run: the model folder `out`, named `<out>.partial` until the run ends.

    Args:
        out: The path of the model folder to make. `<out>.partial` means `out`,
            because shells complete the path in this way.
    """

    def __init__(self, out: StrPath) -> None:
        out = Path(out)
        self.out = out.with_name(out.name.removesuffix(PARTIAL) or out.name)
        self.partial = self.out.with_name(self.out.name + PARTIAL)
        self.checkpoint = self.partial / "checkpoint.h5"
        self._is_resumed = False

    def check_free(self, overwrite: bool) -> None:
        """Raise a `FileExistsError` if a new run must not replace what is there."""
        for path in (self.out, self.partial):
            if path.exists() and not overwrite and not _is_empty(path):
                resume = "resume it with --resume, " if path == self.partial else ""
                raise FileExistsError(
                    f"There is already a run; choose another folder, {resume}or "
                    f"replace it with --overwrite. Received: {path}"
                )
            check_replaceable(path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training the same run.

        If no model was saved, the folder is removed at the end.

        Raises:
            FileExistsError: If another process trains the run, or has finished it.
        """
        self.partial.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.partial, os.O_RDONLY)
        try:
            self._lock(folder)
            with self._removed_if_empty():
                self._check_not_finished()
                yield
        finally:
            os.close(folder)

    def _check_not_finished(self) -> None:
        if self._is_resumed and not (self.partial / RECIPE).is_file():
            raise FileExistsError(
                "Another process has finished this run in the meantime; there is "
                f"nothing to resume. Received: {self.out}"
            )

    @contextlib.contextmanager
    def _removed_if_empty(self) -> Iterator[None]:
        try:
            yield
        finally:
            if not (self.checkpoint.is_file() or (self.partial / MODEL).is_file()):
                shutil.rmtree(self.partial, ignore_errors=True)

    def _lock(self, folder: int) -> None:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                "Another process trains this run; wait until it ends, or choose "
                f"another folder. Received: {self.out}"
            ) from None
        except OSError:
            pass  # a file system without locks

    def begin(
        self, recipe: Recipe, data: LabelledImages, environment: Mapping[str, Any]
    ) -> None:
        """Write the first files of a new run, and remove those of an older run.

        Args:
            recipe: The `Recipe` of the run.
            data: Its images.
            environment: The software and devices, for the model card.
        """
        for path in self.partial.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write(RECIPE, recipe.to_yaml())
        self._write(LABELS, "\n".join(data.labels) + "\n")
        self._write(ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        if data.skipped:
            self._write(SKIPPED, "\n".join(data.skipped) + "\n")
            print(
                f"Left out {len(data.skipped)} unreadable images, such as "
                f"{data.skipped[0]}; {SKIPPED} lists all of them."
            )

    def is_finished(self) -> bool:
        return (self.out / MODEL).is_file() and not self.partial.exists()

    def finished(self, recipe: Recipe | None = None) -> ModelFolder:
        """Return the model folder of a finished run."""
        _check_same(recipe, load_recipe(self.out / RECIPE, to_build=False), self.out)
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def recipe_to_resume(self, recipe: Recipe | None = None) -> Recipe:
        """Return the recipe of the interrupted run, or the given one for a new run."""
        if (self.partial / RECIPE).is_file():
            stored = load_recipe(self.partial / RECIPE)
            _check_same(recipe, stored, self.partial)
            check_replaceable(self.out)
            self._is_resumed = True
            return stored
        if recipe is None:
            raise FileNotFoundError(
                "There is no run to resume; start one with: keras-resattn train "
                f"RECIPE --out {self.out}. Received: {self.out}"
            )
        self.check_free(overwrite=False)
        return recipe

    def forget_from(self, epoch: int) -> None:
        """Remove leftovers of unfinished epochs; they will be repeated."""
        for unfinished in self.partial.glob(".*"):
            # Files that were being written when a process was killed.
            unfinished.unlink(missing_ok=True)
        path = self.partial / METRICS
        if not path.is_file():
            return
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            kept = [row for row in rows if int(row["epoch"]) < epoch]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, rows.fieldnames or [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        self._write(METRICS, text.getvalue())

    def finish(self) -> ModelFolder:
        """Rename the folder to its final name and return it."""
        check_replaceable(self.out)
        shutil.rmtree(self.out, ignore_errors=True)
        self.partial.rename(self.out)
        # Not earlier: a run without it that is killed here would start again.
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def _write(self, name: str, text: str) -> None:
        write_beside(self.partial / name, lambda path: path.write_text(text, "utf-8"))


def check_replaceable(path: Path) -> None:
    """Raise a `FileExistsError` if a folder has other files than those of a run."""
    if path.exists() and not (path / RECIPE).is_file() and not _is_empty(path):
        raise FileExistsError(
            "This folder is not a run, so it is not replaced; choose another folder, "
            f"or move this one. Received: {path}"
        )


def _is_empty(path: Path) -> bool:
    """Return whether a folder has no files, except those of a killed process."""
    return path.is_dir() and all(one.name.startswith(".") for one in path.iterdir())


def _check_same(recipe: Recipe | None, stored: Recipe, folder: Path) -> None:
    if recipe is None or recipe == stored:
        return
    given, kept = _flat(recipe.model_dump()), _flat(stored.model_dump())
    key = next(key for key in given | kept if given.get(key) != kept.get(key))
    raise ValueError(
        f"The run has another recipe ({key}={kept.get(key)!r}). Resume it without a "
        "recipe, or start a new run in another folder. Received: "
        f"{key}={given.get(key)!r} for {folder}"
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat
