"""Training with a recipe: `compile`, `fit` and a list of callbacks."""

import contextlib
import warnings
from collections.abc import Iterator
from collections.abc import Sequence

import keras

from keras_resattn.data import PythonData
from keras_resattn.data import naming_unreadable_images
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import write_beside
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.build import build_model
from keras_resattn.training.callbacks import MetricsFile
from keras_resattn.training.callbacks import SaveModel
from keras_resattn.training.callbacks import StopAtNaN
from keras_resattn.training.callbacks import Timer
from keras_resattn.training.checkpoint import EPOCHS
from keras_resattn.training.checkpoint import Checkpoint
from keras_resattn.training.checkpoint import read_facts
from keras_resattn.training.checkpoint import restore
from keras_resattn.training.distribution import Strategy
from keras_resattn.training.distribution import check_workers_agree
from keras_resattn.training.distribution import choose_strategy
from keras_resattn.training.distribution import facts_of
from keras_resattn.training.distribution import is_chief
from keras_resattn.training.distribution import naming_lost_workers
from keras_resattn.training.distribution import undistribute
from keras_resattn.training.environment import describe_environment
from keras_resattn.training.freezing import Unfreeze
from keras_resattn.training.freezing import freeze
from keras_resattn.training.given_network import check_classes
from keras_resattn.training.given_network import stored_network
from keras_resattn.training.given_network import with_network
from keras_resattn.training.header import header
from keras_resattn.training.job import Job
from keras_resattn.training.job import check_source
from keras_resattn.training.job import make_job
from keras_resattn.training.job import with_given_data
from keras_resattn.training.progress import Progress
from keras_resattn.training.run import Run
from keras_resattn.training.run_card import write_run_card
from keras_resattn.training.selection import Selection
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
    settings: Sequence[str] = (),
    network: keras.Model | None = None,
    allow_code: bool = False,
    data: PythonData | None = None,
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
            its metrics. Defaults to a progress bar. If they restore other weights
            at the end of the training, `model.keras` has these.
        settings: To resume a run on another machine without giving its recipe:
            new values of `data.data_dir`, `data.download`, `precision` or `jit`,
            each as `"key=value"`. A given recipe may differ from that of the run
            in these settings. The model card states them.
        network: A functional `keras.Model` from standardized images to probabilities,
            to train in place of the recipe's. A copy of it is trained, with its
            weights. It replaces the section `network` of the recipe. The run keeps
            it, so it is not needed to resume.
        allow_code: Boolean, whether a run that is resumed may import the module of a
            basic unit that its recipe names as `module:Class`.
        data: Images that replace those of the recipe: a pair of arrays `(images,
            labels)`, a `tf.data.Dataset`, or a dictionary of these by split, see
            `keras_resattn.data.load_python_data`. They are not stored, so give them
            again to resume the run. Defaults to the images of the recipe.

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
    if settings and not (resume and recipe is None):
        raise ValueError(
            "`settings` only changes the recipe of a run that is resumed; set "
            "`resume=True`, or change the recipe itself. "
            f"Received: settings={list(settings)}"
        )
    if watch:
        watch.check()
    run = Run(out)
    if resume and run.network.is_file():
        network = stored_network(run.network, network)
    if recipe and network is not None:
        recipe = with_network(recipe, network)
    if recipe and data is not None:
        recipe = with_given_data(recipe)
    if resume and run.is_finished():
        return run.finished(recipe, settings)
    if resume:
        recipe = run.recipe_to_resume(recipe, settings, allow_code)
        check_source(recipe, data, run.out)
    elif recipe is None:
        raise ValueError("A new run needs a recipe. Received: recipe=None")
    else:
        run.check_free(overwrite)
    strategy = choose_strategy(distribution)
    try:
        with run.held() if is_chief(strategy) else contextlib.nullcontext():
            _train(
                run,
                recipe,
                resume,
                strategy,
                sync_batch_norm,
                watch,
                callbacks,
                network,
                data,
            )
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
    given: keras.Model | None,
    data: PythonData | None,
) -> None:
    job = make_job(recipe, strategy, data)
    begun = _facts_of_checkpoint(run) if resume else None
    facts = facts_of(strategy, sync_batch_norm, begun)
    chief = is_chief(strategy)
    prints = chief and callbacks is None
    network, model, notes = _built(job, bool(facts["sync_batch_norm"]), prints, given)
    if begun:
        restore(model, run.checkpoint)
    first_epoch = begun[EPOCHS] if begun else 0
    # From here on all workers have read the checkpoint, and the chief may write.
    check_workers_agree(strategy, first_epoch, "the epoch to begin with")
    shown = [Progress(job.batch_size)] if prints else list(callbacks or [])
    if prints:
        print(header(job.recipe, network, job.data, strategy, run.partial, notes))
    if chief and watch:
        shown += watch.callbacks(
            run.partial, recipe, network, job.preprocessing, job.validation_batches()
        )
    if chief:
        environment = describe_environment(facts["replicas"])
        if begun:
            run.resume_from(first_epoch, recipe, job.data, environment)
        else:
            run.begin(recipe, job.data, environment)
            if given is not None:
                write_beside(run.network, given.save)
    # The chief has corrected the metrics, which all workers read now.
    check_workers_agree(strategy, first_epoch, "the epoch to begin with")
    selection = Selection(recipe.train.patience, run.metrics() if begun else ())
    own = [
        *shown,
        *_unfreezing(recipe, network, first_epoch, prints),
        Timer(),
        StopAtNaN(),
        selection,
        *_averaging(recipe),
    ]
    if chief:
        own += _saving(run, recipe, network, facts, first_epoch > 0, selection)
    if first_epoch < recipe.train.epochs and not selection.must_stop:
        _fit(job, model, first_epoch, own)
    if chief:
        write_run_card(run.partial)
        run.finish()
    check_workers_agree(strategy, 0, "the end")


def _built(
    job: Job, sync_batch_norm: bool, prints: bool, given: keras.Model | None
) -> tuple[keras.Model, keras.Model, list[str]]:
    """Return the network, the model that trains it, and notes to print."""
    if given is not None:
        check_classes(given, job.data.labels)
    with warnings.catch_warnings(
        record=prints, action="always", category=UserWarning
    ) as caught:
        network, model = build_model(
            job.recipe,
            job.preprocessing,
            job.classes,
            job.steps,
            job.strategy,
            sync_batch_norm,
            given,
        )
    return network, model, [str(warning.message) for warning in caught or ()]


def _fit(
    job: Job,
    model: keras.Model,
    first_epoch: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    with (
        naming_unreadable_images(job.data, job.preprocessing),
        naming_lost_workers(job.strategy),
        _stopped(callbacks),
    ):
        model.fit(
            job.training_batches(first_epoch),
            steps_per_epoch=job.steps,
            validation_data=job.whole_validation_batches(),
            initial_epoch=first_epoch,
            epochs=job.recipe.train.epochs,
            callbacks=callbacks,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
        )


def _facts_of_checkpoint(run: Run) -> dict[str, int] | None:
    return read_facts(run.checkpoint) if run.checkpoint.is_file() else None


def _unfreezing(
    recipe: Recipe, network: keras.Model, first_epoch: int, prints: bool
) -> list[keras.callbacks.Callback]:
    """Freeze layers if the recipe wants it; return the callback that unfreezes them."""
    settings = recipe.train
    after = settings.unfreeze_after or settings.epochs
    if settings.freeze == "none" or first_epoch >= after:
        return []
    freeze(network, settings.freeze)
    return [Unfreeze(network, after, print if prints else lambda line: None)]


def _averaging(recipe: Recipe) -> list[keras.callbacks.Callback]:
    averages = recipe.train.ema_momentum is not None
    return [keras.callbacks.SwapEMAWeights()] if averages else []


def _saving(
    run: Run,
    recipe: Recipe,
    network: keras.Model,
    facts: dict[str, int],
    append: bool,
    selection: Selection,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that write after each epoch, with the checkpoint last."""
    keeps_best = recipe.train.keep == "best"
    return [
        MetricsFile(run.partial / METRICS, append),
        SaveModel(
            network,
            run.partial / MODEL,
            lambda: not keeps_best or selection.last_is_best,
        ),
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
