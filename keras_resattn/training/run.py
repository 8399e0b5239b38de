"""The folders of a run: being made, to be resumed, finished."""

import contextlib
import csv
import fcntl
import io
import json
import os
import shutil
from pathlib import Path

from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import SKIPPED
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
from keras_resattn.recipes.files import load_recipe

PARTIAL = ".partial"


class Run:
    """A run: the model folder `out` at its end, `<out>.partial` until then.

    Args:
        out: A `pathlib.Path`, the model folder to make. `<out>.partial`, which
            a shell completes, is taken for `out`.
    """

    def __init__(self, out):
        out = Path(out)
        self.out = out.with_name(out.name.removesuffix(PARTIAL) or out.name)
        self.partial = self.out.with_name(self.out.name + PARTIAL)
        self.checkpoint = self.partial / "checkpoint.h5"
        self._goes_on = False

    def check_free(self, overwrite):
        """Raise a `FileExistsError` if a new run would replace what it must not."""
        for path in (self.out, self.partial):
            if path.exists() and not overwrite and not _holds_nothing(path):
                remedy = "go on with it by `--resume`" if path == self.partial else ""
                raise FileExistsError(
                    "There is a run already; choose another folder, "
                    f"{remedy + ', ' if remedy else ''}or replace it with "
                    f"`--overwrite`. Received: {path}"
                )
            check_replaceable(path)

    @contextlib.contextmanager
    def held(self):
        """Keep other processes from training the same run.

        If nothing was saved in the end, nothing is left.

        Raises:
            FileExistsError: If another process trains it, or has finished it.
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

    def _check_not_finished(self):
        if self._goes_on and not (self.partial / RECIPE).is_file():
            raise FileExistsError(
                "Another process has finished this run meanwhile; there is nothing "
                f"to resume. Received: {self.out}"
            )

    @contextlib.contextmanager
    def _removed_if_empty(self):
        try:
            yield
        finally:
            if not (self.checkpoint.is_file() or (self.partial / MODEL).is_file()):
                shutil.rmtree(self.partial, ignore_errors=True)

    def _lock(self, folder):
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                "Another process trains this run; wait for its end, or choose "
                f"another folder. Received: {self.out}"
            ) from None
        except OSError:
            pass  # a file system without locks

    def begin(self, recipe, data, environment):
        """Fill the folder of a new run, and take an older one's files out of it.

        Args:
            recipe: Its `Recipe`.
            data: The `keras_resattn.data.LabelledImages` of it.
            environment: A dictionary, where it runs, for its card.
        """
        for path in self.partial.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write(RECIPE, recipe.to_yaml())
        self._write(LABELS, "\n".join(data.labels) + "\n")
        self._write(ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        if data.skipped:
            self._write(SKIPPED, "\n".join(data.skipped) + "\n")
            print(
                f"Left out {len(data.skipped)} unreadable images "
                f"({data.skipped_by_reason}), such as {data.skipped[0]}; all are "
                f"named in {SKIPPED}."
            )

    def is_finished(self):
        return (self.out / MODEL).is_file() and not self.partial.exists()

    def finished(self, recipe=None):
        """Return the folder of a run that ended before."""
        _check_same(recipe, load_recipe(self.out / RECIPE, to_build=False), self.out)
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def recipe_to_resume(self, recipe=None):
        """Return the recipe of the run that was interrupted, else the given one."""
        if (self.partial / RECIPE).is_file():
            stored = load_recipe(self.partial / RECIPE)
            _check_same(recipe, stored, self.partial)
            check_replaceable(self.out)
            self._goes_on = True
            return stored
        if recipe is None:
            raise FileNotFoundError(
                "There is no run to resume; begin one with `keras-resattn train "
                f"RECIPE --out {self.out}`. Received: {self.out}"
            )
        self.check_free(overwrite=False)
        return recipe

    def forget_from(self, epoch):
        """Remove what is there of epochs that were not whole, and will come again."""
        for unfinished in self.partial.glob(".*"):
            # What was being written when a run was killed.
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

    def finish(self):
        """Let the folder become the one that was asked for; return it."""
        check_replaceable(self.out)
        shutil.rmtree(self.out, ignore_errors=True)
        self.partial.rename(self.out)
        # Only now: without it a run that is killed here would begin anew.
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def _write(self, name, text):
        write_beside(self.partial / name, lambda path: path.write_text(text, "utf-8"))


def check_replaceable(path):
    """Raise a `FileExistsError` if a folder holds something else than a run."""
    if path.exists() and not (path / RECIPE).is_file() and not _holds_nothing(path):
        raise FileExistsError(
            "This folder holds no run and is not replaced; choose another, or move "
            f"it away. Received: {path}"
        )


def _holds_nothing(path):
    """Tell whether a folder is empty, but for what a killed run was writing."""
    return path.is_dir() and all(one.name.startswith(".") for one in path.iterdir())


def _check_same(recipe, stored, folder):
    if recipe is None or recipe == stored:
        return
    given, kept = _flat(recipe.model_dump()), _flat(stored.model_dump())
    key = next(key for key in given | kept if given.get(key) != kept.get(key))
    raise ValueError(
        f"The run has another recipe ({key}={kept.get(key)!r}); resume it without a "
        "recipe, or begin another in another folder. Received: "
        f"{key}={given.get(key)!r} for {folder}"
    )


def _flat(settings, prefix=""):
    flat = {}
    for key, value in settings.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat
