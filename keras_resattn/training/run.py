"""The folders of a run: `<out>.partial` during the training, then `<out>`."""

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data import LabelledImages
from keras_resattn.model_folder import ENVIRONMENT
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import SKIPPED
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import read_metrics
from keras_resattn.recipes.files import load_recipe
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.environment import add_changes
from keras_resattn.training.recipe_changes import divided_as
from keras_resattn.training.recipe_changes import extend_hint
from keras_resattn.training.recipe_changes import machine_changes
from keras_resattn.training.recipe_changes import shown
from keras_resattn.training.run_folders import check_replaceable
from keras_resattn.training.run_folders import is_empty
from keras_resattn.training.run_folders import path_with_name
from keras_resattn.typing import StrPath
from keras_resattn_client.file_locks import lock
from keras_resattn_client.image_files import printable

PARTIAL = ".partial"
# The network of a run that was given one, as it was before the training.
NETWORK = "network.keras"


class Run:
    """A run: the model folder `out`, named `<out>.partial` until the run ends.

    Args:
        out: The path of the model folder to make. `<out>.partial` means `out`,
            because shells complete the path in this way.
    """

    def __init__(self, out: StrPath) -> None:
        out = path_with_name(Path(out))
        self.out = out.with_name(out.name.removesuffix(PARTIAL) or out.name)
        self.partial = self.out.with_name(self.out.name + PARTIAL)
        self.checkpoint = self.partial / "checkpoint.h5"
        self.network = self.partial / NETWORK
        self._is_resumed = False
        self._changes: dict[str, Any] = {}

    def check_free(self, overwrite: bool) -> None:
        """Raise a `FileExistsError` if a new run must not replace what is there."""
        for path in (self.out, self.partial):
            check_replaceable(path)
            if path.exists() and not overwrite and not is_empty(path):
                resume = "resume it with --resume, " if path == self.partial else ""
                raise FileExistsError(
                    f"There is already a run; choose another folder, {resume}or "
                    f"replace it with --overwrite. Received: {path}"
                )

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
            lock(folder)
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
            environment: The software, devices and numbers of images, for the card.
        """
        for path in self.partial.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write(RECIPE, recipe.to_yaml())
        self._write(LABELS, _lines(data.labels))
        self._write(ENVIRONMENT, json.dumps(environment, indent=1) + "\n")
        if data.skipped:
            self._write(SKIPPED, _lines(data.skipped))
            images = "image" if len(data.skipped) == 1 else "images"
            print(
                f"Left out {len(data.skipped):,} unreadable {images} "
                f"({data.skipped_by_reason}), such as {printable(data.skipped[0])}. "
                f"{SKIPPED} lists all of them."
            )

    def is_finished(self) -> bool:
        return (self.out / MODEL).is_file() and not self.partial.exists()

    def finished(
        self, recipe: Recipe | None = None, settings: Sequence[str] = ()
    ) -> ModelFolder:
        """Return the model folder of a finished run.

        Args:
            recipe: See `recipe_to_resume`.
            settings: See `recipe_to_resume`.

        Raises:
            ValueError: If a setting of the run differs.
        """
        stored = load_recipe(self.out / RECIPE, to_build=False)
        if recipe is None:
            recipe = load_recipe(self.out / RECIPE, settings, to_build=False)
        recipe = divided_as(recipe, stored)
        hint = extend_hint(self.out, stored)
        machine_changes(recipe, stored, self.out, hint)
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        print(f"The run is finished, so nothing is trained. {hint.strip()}")
        return ModelFolder.open(self.out)

    def recipe_to_resume(
        self,
        recipe: Recipe | None = None,
        settings: Sequence[str] = (),
        allow_code: bool = False,
    ) -> Recipe:
        """Return the recipe of the interrupted run, or the given one for a new run.

        Args:
            recipe: The recipe, if one was given. It may differ from that of the run
                in the settings of the machine.
            settings: Without a recipe: the settings of the machine to change, each
                as `"key=value"`.
            allow_code: See `load_recipe`.

        Raises:
            FileNotFoundError: If there is neither a run nor a recipe.
            ValueError: If another setting differs.
        """
        if (self.partial / RECIPE).is_file():
            # A network that was given is not built by its name.
            to_build = not self.network.is_file()
            path = self.partial / RECIPE
            stored = load_recipe(path, (), to_build, allow_code)
            if recipe is None:
                recipe = load_recipe(path, settings, to_build, allow_code)
            recipe = divided_as(recipe, stored)
            self._changes = machine_changes(recipe, stored, self.partial)
            if not to_build and "precision" in self._changes:
                raise ValueError(
                    "The precision of a network that was built in Python cannot "
                    "change. Resume the run without a new precision. Received: "
                    f"precision={recipe.precision!r} for {self.partial}"
                )
            check_replaceable(self.out)
            self._is_resumed = True
            return recipe
        if recipe is None:
            raise FileNotFoundError(
                "There is no run to resume; start one with: keras-resattn train "
                f"RECIPE --out {self.out}. Received: {self.out}"
            )
        self.check_free(overwrite=False)
        return recipe

    def resume_from(
        self,
        epoch: int,
        recipe: Recipe,
        data: LabelledImages,
        environment: Mapping[str, str],
    ) -> None:
        """Prepare the files of a run that is resumed.

        Leftovers of unfinished epochs are removed, because the epochs are repeated.
        Changes of the machine are recorded and printed.

        Args:
            epoch: The number of completed epochs.
            recipe: The recipe with which the run continues.
            data: Its images.
            environment: The same of this process.

        Raises:
            ValueError: If the classes are not those of the run.
        """
        labels = (self.partial / LABELS).read_text("utf-8")
        if labels != _lines(data.labels):
            raise ValueError(
                "The images have other classes than those that the run began with; "
                f"give the same images. Received: {list(data.labels)} in place of "
                f"{labels.splitlines()}"
            )
        self._forget_from(epoch)
        if self._changes:
            self._write(RECIPE, recipe.to_yaml())
        path = self.partial / ENVIRONMENT
        if not path.is_file():
            return
        stored = json.loads(path.read_text("utf-8"))
        texts = {key: shown(key, value) for key, value in self._changes.items()}
        changed = add_changes(stored, epoch + 1, environment, texts)
        new = changed.get("changes", {}).get(str(epoch + 1))
        if new:
            listed = ", ".join(f"{key} {value}" for key, value in new.items())
            print(f"Changed from epoch {epoch + 1} on: {listed}.")
        if changed != stored:
            self._write(ENVIRONMENT, json.dumps(changed, indent=1) + "\n")

    def metrics(self) -> list[dict[str, str]]:
        """Return the metrics of the epochs so far."""
        return read_metrics(self.partial / METRICS)

    def _forget_from(self, epoch: int) -> None:
        for unfinished in self.partial.glob(".*"):
            # What was being written when a process was killed. Folders, such as
            # .ipynb_checkpoints, come from other programs.
            if not unfinished.is_dir():
                unfinished.unlink(missing_ok=True)
        rows = self.metrics()
        if not rows:
            return
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if int(row["epoch"]) <= epoch)
        self._write(METRICS, text.getvalue())

    def finish(self) -> ModelFolder:
        """Rename the folder to its final name and return it."""
        check_replaceable(self.out)
        shutil.rmtree(self.out, ignore_errors=True)
        self.partial.rename(self.out)
        # Not earlier: a run without it that is killed here would start again.
        (self.out / self.checkpoint.name).unlink(missing_ok=True)
        (self.out / NETWORK).unlink(missing_ok=True)
        return ModelFolder.open(self.out)

    def _write(self, name: str, text: str) -> None:
        def write(path: Path) -> None:
            # Names of files can have bytes that are not UTF-8.
            path.write_text(text, "utf-8", "surrogateescape")

        write_beside(self.partial / name, write)


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)
