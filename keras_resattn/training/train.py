"""Training with a recipe: `compile`, `fit` and a list of callbacks."""

import contextlib
from collections.abc import Iterator
from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_resattn.data import LabelledImages
from keras_resattn.data import Preprocessing
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import naming_unreadable_images
from keras_resattn.data import steps_per_epoch
from keras_resattn.data import training_batches
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import preprocessing_of
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.build import build_model
from keras_resattn.training.callbacks import MetricsFile
from keras_resattn.training.callbacks import SaveModel
from keras_resattn.training.callbacks import StopAtNaN
from keras_resattn.training.callbacks import Timer
from keras_resattn.training.card import describe_environment
from keras_resattn.training.checkpoint import EPOCHS
from keras_resattn.training.checkpoint import Checkpoint
from keras_resattn.training.checkpoint import read_facts
from keras_resattn.training.checkpoint import restore
from keras_resattn.training.distribution import Strategy
from keras_resattn.training.distribution import check_batch_size
from keras_resattn.training.distribution import check_workers_agree
from keras_resattn.training.distribution import choose_strategy
from keras_resattn.training.distribution import count_replicas
from keras_resattn.training.distribution import describe
from keras_resattn.training.distribution import facts_of
from keras_resattn.training.distribution import is_chief
from keras_resattn.training.distribution import naming_lost_workers
from keras_resattn.training.distribution import test_batch_size
from keras_resattn.training.distribution import undistribute
from keras_resattn.training.multi_worker import whole_batches
from keras_resattn.training.progress import Progress
from keras_resattn.training.run import Run
from keras_resattn.training.run_card import write_run_card
from keras_resattn.training.watch import Watch
from keras_resattn.typing import StrPath


def fit(
    recipe: Recipe | None,
    out: StrPath,
    overwrite: bool = False,
    resume: bool = False,
    distribution: str = "auto",
    sync_batch_norm: bool = False,
    watch: Watch | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
) -> ModelFolder:
    """Train a network with a recipe and write a model folder.

    During the training, the folder is named `<out>.partial`. From the end of the
    first epoch on, it is a complete model folder with a checkpoint. At the end it
    is renamed to `out`. If a run was interrupted (by a signal, a crash, a full
    disk), `resume` continues after the last completed epoch. The result is the
    same as without the interruption; on a CPU, bit by bit.

    Example:

    >>> folder = fit(load_recipe("demo", ["train.epochs=1"]), "runs/demo")
    >>> folder.model.name
    'cifar_attention56'

    Args:
        recipe: A `Recipe`. With `resume` it may be `None`; the run then keeps its
            recipe.
        out: The path of the model folder to make.
        overwrite: Whether to replace an earlier run in `out`.
        resume: Whether to resume the run of this recipe in `out`, if there is
            one. A finished run is not changed.
        distribution: The devices over which to divide each batch: see
            `choose_strategy`. Several workers must share the file system of
            `out`. The first worker writes, and all resume from its files.
        sync_batch_norm: Whether batch normalization uses the statistics of the
            whole batch instead of those of each device's part. On JAX it always
            does. A resumed run keeps its batch normalization.
        watch: A `Watch`: TensorBoard, experiment trackers. Defaults to none.
        callbacks: Keras callbacks, in addition to those that save the model and
            its metrics. Defaults to a progress bar.

    Returns:
        The `ModelFolder`.

    Raises:
        FileExistsError: If `out` exists and must not be replaced, or another
            process trains this run.
        FileNotFoundError: If the data set or the run to resume does not exist.
        FloatingPointError: If the loss becomes NaN or infinite.
        ImportError: If `watch` needs a package that is not installed.
        ValueError: If the network, the data and the recipe do not match.
    """
    if watch:
        watch.check()
    run = Run(out)
    if resume and run.is_finished():
        return run.finished(recipe)
    if resume:
        recipe = run.recipe_to_resume(recipe)
    elif recipe is None:
        raise ValueError("A new run needs a recipe. Received: recipe=None")
    else:
        run.check_free(overwrite)
    strategy = choose_strategy(distribution)
    try:
        with run.held() if is_chief(strategy) else contextlib.nullcontext():
            _train(run, recipe, resume, strategy, sync_batch_norm, watch, callbacks)
    finally:
        undistribute(strategy)
    return ModelFolder.open(run.out)


def _train(
    run: Run,
    recipe: Recipe,
    resume: bool,
    strategy: Strategy,
    sync_batch_norm: bool,
    watch: Watch | None,
    callbacks: Sequence[keras.callbacks.Callback] | None,
) -> None:
    preprocessing = preprocessing_of(recipe)
    data = load(recipe.data, preprocessing, recipe.seed)
    batch_size = min(recipe.train.batch_size, data.train.count)
    check_batch_size(batch_size, count_replicas(strategy))
    begun = _facts_of_checkpoint(run) if resume else None
    facts = facts_of(strategy, sync_batch_norm, begun)
    settings = recipe.train.model_copy(update={"batch_size": batch_size})
    steps = steps_per_epoch(data.train, batch_size)
    network, model = build_model(
        recipe.model_copy(update={"train": settings}),
        preprocessing,
        len(data.labels),
        steps,
        strategy,
        bool(facts["sync_batch_norm"]),
    )
    if begun:
        restore(model, run.checkpoint)
    first_epoch = begun[EPOCHS] if begun else 0
    # From here on all workers have read the checkpoint, and the chief may write.
    check_workers_agree(strategy, first_epoch, "the epoch to begin with")
    train, test = _batches(
        recipe, data, preprocessing, batch_size, first_epoch, strategy
    )
    shown, saving, chief = list(callbacks or []), [], is_chief(strategy)
    if chief and callbacks is None:
        print(describe(settings, strategy))
        shown = [Progress(batch_size)]
    if chief and watch:
        shown += watch.callbacks(run.partial, recipe, network, preprocessing, test)
    if chief:
        if begun:
            run.forget_from(first_epoch)
        else:
            run.begin(recipe, data, describe_environment())
        saving = _saving(run, network, facts, append=first_epoch > 0)
    averages = recipe.train.ema_momentum is not None
    swap = [keras.callbacks.SwapEMAWeights()] if averages else []
    with (
        naming_unreadable_images(data, preprocessing),
        naming_lost_workers(strategy),
        _stopped(shown),
    ):
        if first_epoch < recipe.train.epochs:
            model.fit(
                train,
                steps_per_epoch=steps,
                validation_data=whole_batches(test, batch_size, strategy),
                initial_epoch=first_epoch,
                epochs=recipe.train.epochs,
                callbacks=[*shown, Timer(), StopAtNaN(), *swap, *saving],
                shuffle=False,  # the batches are shuffled already
                verbose=0,
            )
    if chief:
        write_run_card(run.partial)
        run.finish()
    check_workers_agree(strategy, 0, "the end")


def _facts_of_checkpoint(run: Run) -> dict[str, int] | None:
    return read_facts(run.checkpoint) if run.checkpoint.is_file() else None


def _batches(
    recipe: Recipe,
    data: LabelledImages,
    preprocessing: Preprocessing,
    batch_size: int,
    first_epoch: int,
    strategy: Strategy,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Return the batches of all epochs from the first one on, and the test batches."""
    classes = len(data.labels)
    train = training_batches(
        data.train,
        preprocessing,
        batch_size,
        classes,
        recipe.augmentation,
        recipe.seed,
        recipe.train.epochs,
        first_epoch,
    )
    test = evaluation_batches(
        data.test,
        preprocessing,
        test_batch_size(strategy, batch_size, data.test.count),
        classes,
        standardized=False,
    )
    return train, test


def _saving(
    run: Run, network: keras.Model, facts: dict[str, int], append: bool
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that write after each epoch, with the checkpoint last."""
    return [
        MetricsFile(run.partial / METRICS, append),
        SaveModel(network, run.partial / MODEL),
        Checkpoint(run.checkpoint, facts),
    ]


@contextlib.contextmanager
def _stopped(callbacks: Sequence[keras.callbacks.Callback]) -> Iterator[None]:
    """Remove progress bars at the end, also after an error."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, Progress):
                callback.stop()
