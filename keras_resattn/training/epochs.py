"""The training of a run: from its data and its checkpoint to the finished folder."""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from collections.abc import Sequence

import keras

from keras_resattn.atomic_writing import write_beside
from keras_resattn.data import PythonData
from keras_resattn.data import naming_unreadable_images
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
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
from keras_resattn.training.distribution import facts_of
from keras_resattn.training.distribution import is_chief
from keras_resattn.training.distribution import naming_lost_workers
from keras_resattn.training.environment import counted
from keras_resattn.training.environment import describe_environment
from keras_resattn.training.freezing import Unfreeze
from keras_resattn.training.freezing import freeze
from keras_resattn.training.given_network import check_classes
from keras_resattn.training.header import header
from keras_resattn.training.job import Job
from keras_resattn.training.job import make_job
from keras_resattn.training.progress import Progress
from keras_resattn.training.run import Run
from keras_resattn.training.run_card import write_run_card
from keras_resattn.training.selection import Selection
from keras_resattn.training.trainable_flags import Flags
from keras_resattn.training.trainable_flags import trainable_flags
from keras_resattn.training.watch import Watch


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What a caller of `fit` wants beside the recipe; see there."""

    sync_batch_norm: bool = False
    watch: Watch | None = None
    callbacks: Sequence[keras.callbacks.Callback] | None = None
    network: keras.Model | None = None
    data: PythonData | None = None


def train(
    run: Run, recipe: Recipe, resume: bool, strategy: Strategy, wishes: Wishes
) -> None:
    """Train the network of a run and finish its folder.

    Args:
        run: The `Run`. Its folder is held by this process, if it is the chief.
        recipe: The `Recipe` of the run.
        resume: Whether to begin with the run's checkpoint, if there is one.
        strategy: The devices, see `choose_strategy`.
        wishes: The other arguments of `fit`.
    """
    job = make_job(recipe, strategy, wishes.data)
    begun = _facts_of_checkpoint(run) if resume else None
    facts = facts_of(strategy, wishes.sync_batch_norm, begun)
    chief = is_chief(strategy)
    prints = chief and wishes.callbacks is None
    sync_batch_norm = bool(facts["sync_batch_norm"])
    network, model, notes = _built(job, sync_batch_norm, prints, wishes.network)
    if begun:
        restore(model, run.checkpoint)
    first_epoch = begun[EPOCHS] if begun else 0
    # From here on all workers have read the checkpoint, and the chief may write.
    check_workers_agree(strategy, first_epoch, "the epoch to begin with")
    shown = [Progress(job.batch_size)] if prints else list(wishes.callbacks or [])
    if prints:
        print(header(job.recipe, network, job.data, strategy, run.partial, notes))
    if chief and wishes.watch:
        validation = job.validation_batches()
        shown += wishes.watch.callbacks(
            run.partial, recipe, network, job.preprocessing, validation
        )
    if chief:
        _begin(run, recipe, job, facts["replicas"], begun, wishes.network)
    # The chief has corrected the metrics, which all workers read now.
    check_workers_agree(strategy, first_epoch, "the epoch to begin with")
    flags = trainable_flags(network)
    selection = Selection(recipe.train.patience, run.metrics() if begun else ())
    own = [
        *shown,
        *_unfreezing(recipe, network, flags, first_epoch, prints),
        Timer(),
        StopAtNaN(),
        selection,
        *_averaging(recipe),
    ]
    if chief:
        own += _saving(run, recipe, network, flags, facts, first_epoch > 0, selection)
    if first_epoch < recipe.train.epochs and not selection.must_stop:
        _fit(job, model, first_epoch, own)
    if chief:
        write_run_card(run.partial)
        run.finish()
    check_workers_agree(strategy, 0, "the end")


def _begin(
    run: Run,
    recipe: Recipe,
    job: Job,
    replicas: int,
    begun: dict[str, int] | None,
    given: keras.Model | None,
) -> None:
    """Write the files that a run has before its first epoch, or correct them."""
    environment = describe_environment(replicas) | counted(job.data)
    if begun:
        run.resume_from(begun[EPOCHS], recipe, job.data, environment)
        return
    run.begin(recipe, job.data, environment)
    if given is not None:
        write_beside(run.network, given.save)


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
    recipe: Recipe, network: keras.Model, flags: Flags, first_epoch: int, prints: bool
) -> list[keras.callbacks.Callback]:
    """Freeze layers if the recipe wants it; return the callback that unfreezes them."""
    settings = recipe.train
    after = settings.unfreeze_after or settings.epochs
    if settings.freeze == "none" or first_epoch >= after:
        return []
    freeze(network, settings.freeze)
    return [Unfreeze(flags, after, print if prints else lambda line: None)]


def _averaging(recipe: Recipe) -> list[keras.callbacks.Callback]:
    averages = recipe.train.ema_momentum is not None
    return [keras.callbacks.SwapEMAWeights()] if averages else []


def _saving(
    run: Run,
    recipe: Recipe,
    network: keras.Model,
    flags: Flags,
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
            flags,
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
