"""The folders of a run: being made, to be resumed, finished."""

import contextlib
import csv
import io
import json
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
from keras_resattn.recipe_file import load_recipe


class Run:
    """A run: the model folder `out` at its end, `<out>.partial` until then.

    Args:
        out: A `pathlib.Path`, the model folder to make.
    """

    def __init__(self, out):
        self.out = Path(out)
        self.partial = self.out.with_name(f"{self.out.name}.partial")
        self.checkpoint = self.partial / "checkpoint.h5"

    def check_free(self, overwrite):
        """Raise a `FileExistsError` if a new run would replace what it must not."""
        for path in (self.out, self.partial):
            if path.exists() and not overwrite:
                remedy = "go on with it by `--resume`" if path == self.partial else ""
                raise FileExistsError(
                    "There is a run already; choose another folder, "
                    f"{remedy + ', ' if remedy else ''}or replace it with "
                    f"`--overwrite`. Received: {path}"
                )
            holds_a_run = (path / RECIPE).is_file()
            if path.exists() and not holds_a_run and any(path.iterdir()):
                raise FileExistsError(
                    "This folder holds no run and is not replaced; choose another. "
                    f"Received: {path}"
                )

    def begin(self, recipe, data, environment):
        """Make the folder of a new run.

        Args:
            recipe: Its `Recipe`.
            data: The `keras_resattn.data.LabelledImages` of it.
            environment: A dictionary, where it runs, for its card.
        """
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(parents=True)
        self._write(RECIPE, recipe.to_yaml())
        self._write(LABELS, "\n".join(data.labels) + "\n")
        self._write(ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        if data.skipped:
            self._write(SKIPPED, "\n".join(data.skipped) + "\n")
            print(
                f"Left out {len(data.skipped)} unreadable images, such as "
                f"{data.skipped[0]}; all are named in {SKIPPED}."
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
            for unfinished in self.partial.glob(".*"):
                # What was being written when a run was killed.
                unfinished.unlink(missing_ok=True)
            stored = load_recipe(self.partial / RECIPE)
            _check_same(recipe, stored, self.partial)
            return stored
        if recipe is None:
            raise FileNotFoundError(
                "There is no run to resume; begin one with `keras-resattn train "
                f"RECIPE --out {self.out}`. Received: {self.out}"
            )
        self.check_free(overwrite=False)
        return recipe

    def forget_metrics_from(self, epoch):
        """Remove the lines of epochs that were not whole, and will come again."""
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

    @contextlib.contextmanager
    def removed_if_empty(self):
        """Where training ends before anything is saved, leave nothing."""
        try:
            yield
        finally:
            if not (self.checkpoint.is_file() or (self.partial / MODEL).is_file()):
                shutil.rmtree(self.partial)

    def finish(self):
        """Let the folder become the one that was asked for; return it."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.partial.rename(self.out)
        # Only now: without it a run that is killed here would begin anew.
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def _write(self, name, text):
        write_beside(self.partial / name, lambda path: path.write_text(text, "utf-8"))


def _check_same(recipe, stored, folder):
    if recipe is None or recipe == stored:
        return
    given, kept = _flat(recipe.model_dump()), _flat(stored.model_dump())
    key = next(key for key in given if given[key] != kept.get(key))
    raise ValueError(
        f"The run has another recipe ({key}={kept.get(key)!r}); resume it without a "
        f"recipe, or begin another in another folder. Received: {key}={given[key]!r} "
        f"for {folder}"
    )


def _flat(settings, prefix=""):
    flat = {}
    for key, value in settings.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat
