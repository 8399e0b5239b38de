"""Change one line of code at a time, and show which test notices each change.

`python -m scripts.try_mutations` changes a copy of the repository. It fails if a change
is not noticed. The tests must pass before: a test that fails anyway notices everything.
Choose changes by a part of the name of their file:
`python -m scripts.try_mutations training/freezing`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Mutation(NamedTuple):
    """A change of one line, and the tests that must notice it."""

    file: str
    line: str
    changed: str
    tests: str


TRAINING = "keras_resattn/training"
MUTATIONS = [
    Mutation(
        f"{TRAINING}/selection.py",
        "self.best_epoch >= self.patience",
        "self.best_epoch > self.patience",
        "training/test_selection.py",
    ),
    Mutation(
        f"{TRAINING}/selection.py",
        '-_number(row, "val_loss")',
        '_number(row, "val_loss")',
        "training/test_selection.py",
    ),
    Mutation(
        f"{TRAINING}/callbacks.py",
        "super().on_epoch_end(epoch + 1, logs)",
        "super().on_epoch_end(epoch, logs)",
        "training/test_fit.py",
    ),
    Mutation(
        f"{TRAINING}/callbacks.py",
        "if not np.isfinite(loss):",
        "if np.isnan(loss):",
        "training/test_callbacks.py",
    ),
    Mutation(
        f"{TRAINING}/callbacks.py",
        "            variable.assign(value)",
        "            pass",
        "training/test_selection.py",
    ),
    Mutation(
        f"{TRAINING}/callbacks.py",
        "            layer.trainable = True",
        "            layer.trainable = False",
        "training/test_freezing.py",
    ),
    Mutation(
        f"{TRAINING}/epochs.py",
        "lambda: not keeps_best or selection.last_is_best",
        "lambda: True",
        "training/test_selection.py",
    ),
    Mutation(
        f"{TRAINING}/epochs.py",
        "        restore(model, run.checkpoint)",
        "        pass",
        "training/test_resume.py",
    ),
    Mutation(
        f"{TRAINING}/epochs.py",
        "run.metrics() if begun else ()",
        "()",
        "training/test_selection.py",
    ),
    Mutation(
        f"{TRAINING}/epochs.py",
        "job.training_batches(first_epoch)",
        "job.training_batches(0)",
        "training/test_resume.py",
    ),
    Mutation(
        f"{TRAINING}/freezing.py",
        "return network.layers[:end]",
        "return network.layers[: end + 1]",
        "training/test_freezing.py",
    ),
    Mutation(
        f"{TRAINING}/freezing.py",
        "self.model.make_train_function(force=True)",
        "self.model.make_train_function()",
        "training/test_freezing.py",
    ),
    Mutation(
        f"{TRAINING}/class_weights.py",
        "(used * np.maximum(counts, 1))",
        "np.maximum(counts, 1)",
        "training/test_class_weights.py",
    ),
    Mutation(
        f"{TRAINING}/build.py",
        "variance=np.square(std).tolist()",
        "variance=std.tolist()",
        "training/test_evaluation.py",
    ),
    Mutation(
        f"{TRAINING}/build.py",
        "keras.utils.set_random_seed(recipe.seed)",
        "pass",
        "training/test_fit.py",
    ),
    Mutation(
        f"{TRAINING}/evaluation.py",
        "known = tested.truth != UNKNOWN",
        "known = tested.truth == tested.truth",
        "training/test_evaluation.py",
    ),
    Mutation(
        f"{TRAINING}/fused_momentum.py",
        "use_nesterov=optimizer.nesterov",
        "use_nesterov=True",
        "training/test_fused_momentum.py",
    ),
    Mutation(
        f"{TRAINING}/fused_normalization.py",
        "layer.moving_variance.assign(variance * ratio)",
        "layer.moving_variance.assign(variance)",
        "training/test_fused_normalization.py",
    ),
    Mutation(
        f"{TRAINING}/checkpoint.py",
        "return [*model.variables, *model.optimizer.variables]",
        "return [*model.variables]",
        "training/test_resume.py",
    ),
    Mutation(
        f"{TRAINING}/optimizer.py",
        "return 1.0 - progress",
        "return 1.0 - progress / 2",
        "training/test_optimizer.py",
    ),
    Mutation(
        "keras_resattn/data/label_noise.py",
        "stateless_uniform((), seeds[1], 1, classes, tf.int64)",
        "stateless_uniform((), seeds[1], 0, classes, tf.int64)",
        "data/test_label_noise.py",
    ),
    Mutation(
        "keras_resattn/data/formats/jpeg.py",
        "tf.reduce_min(size) >= sides",
        "tf.reduce_max(size) >= sides",
        "data/test_reduced_decoding.py",
    ),
    Mutation(
        "keras_resattn/data/resizing.py",
        "tf.reduce_max(scales) if fills",
        "tf.reduce_min(scales) if fills",
        "data/test_preprocessing.py",
    ),
    Mutation(
        "keras_resattn/layers/mask.py",
        "zip(self.skips[::-1], self.up[::-1], strict=True)",
        "zip(self.skips, self.up, strict=True)",
        "layers/test_mask.py models/test_golden.py",
    ),
    Mutation(
        "keras_resattn/layers/pre_activation.py",
        "self.projection is None else self.projection(x)",
        "self.projection is None else self.projection(inputs)",
        "layers/test_units.py models/test_golden.py",
    ),
    Mutation(
        "keras_resattn/explain/amplification_maps.py",
        "_length(tensors.fused, axis) / _length(tensors.trunk, axis)",
        "_length(tensors.trunk, axis) / _length(tensors.fused, axis)",
        "explain/test_amplification.py",
    ),
    Mutation(
        f"{TRAINING}/classification_metrics.py",
        "best = np.argsort(-probabilities",
        "best = np.argsort(probabilities",
        "training/test_evaluation.py",
    ),
    Mutation(
        "keras_resattn_server/loading/versions.py",
        "            reverse=True,",
        "            reverse=False,",
        "server/test_loader.py",
    ),
    Mutation(
        "keras_resattn_server/wire/status.py",
        '"UNAVAILABLE": 503',
        '"UNAVAILABLE": 500',
        "server/test_readiness.py server/test_request_memory.py",
    ),
    Mutation(
        "keras_resattn_client/retry.py",
        "if number >= self.retries",
        "if number > self.retries",
        "client/test_retry.py",
    ),
]


def main() -> None:
    """Try the mutations, and exit with the number of those that no test noticed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="parts of names of files to change")
    chosen = parser.parse_args().files
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".*", "build", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        for number, mutation in enumerate(MUTATIONS, 1):
            if chosen and not any(part in mutation.file for part in chosen):
                continue
            started = time.monotonic()
            test = noticing_test(copy, mutation)
            missed += not test
            print(
                f"{number:2} {mutation.file}: {mutation.changed.strip()}\n"
                f"   {test or 'NOT NOTICED'} ({time.monotonic() - started:.0f} s)",
                flush=True,
            )
    sys.exit(missed)


def noticing_test(copy: Path, mutation: Mutation) -> str | None:
    """Return the first test that fails after a mutation, if there is one.

    Args:
        copy: The path of a copy of the repository. It is changed back at the end.
        mutation: The `Mutation`.

    Raises:
        ValueError: If the code does not have the line any more.
    """
    path = copy / mutation.file
    code = path.read_text("utf-8")
    if code.count(mutation.line) != 1:
        raise ValueError(
            f"This code must be in {mutation.file} once; write the mutation anew. "
            f"Received: {mutation.line}"
        )
    tests = [f"tests/{name}" for name in mutation.tests.split()]
    command = [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-rfE", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    path.write_text(code.replace(mutation.line, mutation.changed), "utf-8")
    try:
        ended = subprocess.run(
            command, cwd=copy, env=environment, text=True, capture_output=True
        )
    finally:
        path.write_text(code, "utf-8")
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"The tests did not run. Received: {ended.stdout[-2000:]}")
    failed = [x for x in ended.stdout.splitlines() if x.startswith(("FAILED", "ERROR"))]
    return failed[-1].split(" - ")[0] if ended.returncode else None


if __name__ == "__main__":
    main()
