"""Training by a recipe: `compile`, `fit` and a list of callbacks."""

import contextlib

import keras

from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import naming_unreadable_images
from keras_resattn.data import steps_per_epoch
from keras_resattn.data import training_batches
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import preprocessing_of
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


def fit(
    recipe,
    out,
    overwrite=False,
    resume=False,
    distribution="auto",
    sync_batch_norm=False,
    watch=None,
    callbacks=None,
):
    """Train a network as a recipe says and leave a model folder.

    While it trains, the folder is `<out>.partial`: a whole model folder from
    the end of the first epoch on, with a checkpoint. It becomes `out` at the
    end. However a run ended before (a signal, a crash, a full disk), `resume`
    goes on after its last whole epoch, and its result is the one that it would
    have had; on a CPU, bit by bit.

    Example:

    >>> folder = fit(load_recipe("demo", ["train.epochs=1"]), "runs/demo")
    >>> folder.model.name
    'cifar_attention56'

    Args:
        recipe: A `Recipe`. With `resume` it may be `None`: that of the run.
        out: The path of the model folder to make.
        overwrite: Boolean, whether to replace an earlier run in `out`.
        resume: Boolean, whether to go on with a run of this recipe in `out`,
            if there is one. A run that is finished is left as it is.
        distribution: String, over which devices to divide each batch: see
            `choose_strategy`. Several workers must share the file system of
            `out`; the first of them writes, all resume from what it wrote.
        sync_batch_norm: Boolean, whether batch normalization takes the
            statistics of the whole batch, in place of each device's part. On
            JAX it always does. A run is resumed as it began.
        watch: A `Watch`: TensorBoard, trackers. Defaults to none.
        callbacks: A list of Keras callbacks beside those that save the model
            and its metrics. Defaults to a progress bar.

    Returns:
        The `ModelFolder`.

    Raises:
        FileExistsError: If `out` exists and is not to be replaced, or another
            process trains this run.
        FileNotFoundError: If the data set is absent, or a run to resume.
        FloatingPointError: If the loss becomes NaN or infinite.
        ValueError: If the network, the data and the recipe do not fit.
    """
    run = Run(out)
    if resume and run.is_finished():
        return run.finished(recipe)
    if resume:
        recipe = run.recipe_to_resume(recipe)
    else:
        run.check_free(overwrite)
    strategy = choose_strategy(distribution)
    try:
        with run.held() if is_chief(strategy) else contextlib.nullcontext():
            _train(run, recipe, resume, strategy, sync_batch_norm, watch, callbacks)
    finally:
        undistribute(strategy)
    return ModelFolder.open(run.out)


def _train(run, recipe, resume, strategy, sync_batch_norm, watch, callbacks):
    keras.utils.set_random_seed(recipe.seed)
    preprocessing = preprocessing_of(recipe)
    data = load(recipe.data, preprocessing, recipe.seed)
    batch_size = min(recipe.train.batch_size, data.train.count)
    steps = steps_per_epoch(data.train, batch_size)
    check_batch_size(batch_size, count_replicas(strategy))
    begun = resume and run.checkpoint.is_file() and read_facts(run.checkpoint)
    facts = facts_of(strategy, sync_batch_norm, begun)
    settings = recipe.train.model_copy(update={"batch_size": batch_size})
    network, model = build_model(
        recipe.model_copy(update={"train": settings}),
        preprocessing,
        len(data.labels),
        steps,
        strategy,
        facts["sync_batch_norm"],
    )
    if begun:
        restore(model, run.checkpoint)
    first_epoch = begun[EPOCHS] if begun else 0
    # From here on all workers have read what is there, and the chief may write.
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
                shuffle=False,  # the batches are
                verbose=0,
            )
    if chief:
        write_run_card(run.partial)
        run.finish()
    check_workers_agree(strategy, 0, "the end")


def _batches(recipe, data, preprocessing, batch_size, first_epoch, strategy):
    """Return the batches of all epochs to come, and those to test on."""
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


def _saving(run, network, facts, append):
    """Return the callbacks that write after each epoch, the checkpoint last."""
    return [
        MetricsFile(run.partial / METRICS, append),
        SaveModel(network, run.partial / MODEL),
        Checkpoint(run.checkpoint, facts),
    ]


@contextlib.contextmanager
def _stopped(callbacks):
    """Take progress bars away, also where Keras does not end a training itself."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, Progress):
                callback.stop()
