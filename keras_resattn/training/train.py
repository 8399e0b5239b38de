"""Training with a recipe: `compile`, `fit` and a list of callbacks."""

import contextlib
from collections.abc import Sequence

import keras

from keras_resattn.data import PythonData
from keras_resattn.model_folder import ModelFolder
from keras_resattn.recipes.settings import Recipe
from keras_resattn.training.distribution import choose_strategy
from keras_resattn.training.distribution import is_chief
from keras_resattn.training.distribution import undistribute
from keras_resattn.training.epochs import Wishes
from keras_resattn.training.epochs import train
from keras_resattn.training.given_network import check_is_given
from keras_resattn.training.given_network import stored_network
from keras_resattn.training.given_network import with_network
from keras_resattn.training.job import check_source
from keras_resattn.training.job import with_given_data
from keras_resattn.training.run import Run
from keras_resattn.training.run_folders import check_outside_of_images
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
        TypeError: If `recipe` is not a `Recipe`, or `callbacks` is not a list.
        ValueError: If the network, the data and the recipe do not match.
    """
    _check_types(recipe, callbacks)
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
    check_is_given(recipe, network)
    if data is None:
        check_outside_of_images(run.out, recipe.data)
    wishes = Wishes(sync_batch_norm, watch, callbacks, network, data)
    strategy = choose_strategy(distribution)
    try:
        with run.held() if is_chief(strategy) else contextlib.nullcontext():
            train(run, recipe, resume, strategy, wishes)
    finally:
        undistribute(strategy)
    return ModelFolder.open(run.out)


def _check_types(
    recipe: Recipe | None, callbacks: Sequence[keras.callbacks.Callback] | None
) -> None:
    """Raise a `TypeError` before anything is written."""
    if recipe is not None and not isinstance(recipe, Recipe):
        raise TypeError(
            "Load the recipe first: keras_resattn.recipes.files.load_recipe('demo'). "
            f"Received: recipe={recipe!r}"
        )
    if callbacks is not None and not isinstance(callbacks, Sequence):
        raise TypeError(
            f"Give callbacks as a list: [callback]. Received: callbacks={callbacks!r}"
        )
