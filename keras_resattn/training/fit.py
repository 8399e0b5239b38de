"""Training by a recipe: `compile`, `fit` and a list of callbacks."""

import contextlib
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from keras_resattn.data import check_images
from keras_resattn.data import evaluation_batches
from keras_resattn.data import load
from keras_resattn.data import training_batches
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.model_folder import preprocessing_of
from keras_resattn.training.callbacks import Progress
from keras_resattn.training.callbacks import SaveModel
from keras_resattn.training.fused_normalization import fuse_batch_normalization
from keras_resattn.zoo import create_model


def fit(recipe, out, overwrite=False, callbacks=None):
    """Train a network as a recipe says and leave a model folder.

    While it trains, the folder is `<out>.partial`: a whole model folder from
    the end of the first epoch on. It becomes `out` at the end.

    Example:

    >>> folder = fit(load_recipe("demo", ["train.epochs=1"]), "runs/demo")
    >>> folder.model.name
    'cifar_attention56'

    Args:
        recipe: A `Recipe`.
        out: The path of the model folder to make.
        overwrite: Boolean, whether to replace an earlier run in `out`.
        callbacks: A list of Keras callbacks beside those that save the model
            and its metrics. Defaults to a progress bar.

    Returns:
        The `ModelFolder`.

    Raises:
        FileExistsError: If `out` exists and is not to be replaced.
        FileNotFoundError: If the data set is absent.
        ValueError: If the network, the data and the recipe do not fit.
    """
    out = Path(out)
    partial = out.with_name(f"{out.name}.partial")
    _check_free(out, partial, overwrite)
    keras.utils.set_random_seed(recipe.seed)
    preprocessing = preprocessing_of(recipe)
    data = load(
        recipe.data.name, preprocessing, recipe.data.data_dir, recipe.data.download
    )
    train = training_batches(
        data.train,
        preprocessing,
        recipe.train.batch_size,
        recipe.seed,
        recipe.augmentation.flip,
        recipe.augmentation.crop_padding,
    )
    test = evaluation_batches(data.test, preprocessing, recipe.train.batch_size)
    with dtype_policy(recipe.precision):
        model = create_model(
            recipe.network.name,
            input_shape=recipe.network.input_shape,
            classes=len(data.labels),
        )
    fuse_batch_normalization(model)
    compile_model(model, recipe.train, steps_per_epoch=len(train))

    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
    (partial / LABELS).write_text("\n".join(data.labels) + "\n", encoding="utf-8")
    callbacks = [
        SaveModel(partial / MODEL),
        keras.callbacks.CSVLogger(partial / METRICS),
        *([Progress(recipe.train.batch_size)] if callbacks is None else callbacks),
    ]
    with naming_unreadable_images(data, preprocessing), _removed_if_empty(partial):
        model.fit(
            train,
            validation_data=test,
            epochs=recipe.train.epochs,
            callbacks=callbacks,
            shuffle=False,  # the batches are
            verbose=0,
        )
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return ModelFolder.open(out)


def compile_model(model, settings, steps_per_epoch):
    """Compile a classifier as the section `train` of a recipe says.

    Args:
        model: A `keras.Model` with probabilities as output.
        settings: The recipe's `Train`.
        steps_per_epoch: Integer, the number of batches an epoch.
    """
    steps = settings.epochs * steps_per_epoch
    warmup_steps = min(int(settings.warmup_epochs * steps_per_epoch), steps - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / 10,
        decay_steps=max(1, steps - warmup_steps),
        warmup_target=settings.learning_rate,
        warmup_steps=warmup_steps,
    )
    optimizer = keras.optimizers.SGD(
        schedule,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        weight_decay=settings.weight_decay or None,
    )
    model.compile(
        optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # XLA halves the speed of this network on a CPU.
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )


@contextlib.contextmanager
def dtype_policy(name):
    """Build models under a dtype policy, and restore the one before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def naming_unreadable_images(data, preprocessing):
    """Where reading a folder's images fails, find and name the file."""
    try:
        yield
    except tf.errors.OpError:
        check_images(data.train.paths + data.test.paths, preprocessing)
        raise


@contextlib.contextmanager
def _removed_if_empty(partial):
    """Where training ends before its first model is saved, leave nothing."""
    try:
        yield
    finally:
        if not (partial / MODEL).is_file():
            shutil.rmtree(partial)


def _check_free(out, partial, overwrite):
    for path in (out, partial):
        if path.exists() and not overwrite:
            raise FileExistsError(
                "There is a run already; choose another folder, or replace it with "
                f"`--overwrite`. Received: {path}"
            )
        if path.exists() and not ((path / RECIPE).is_file() or not any(path.iterdir())):
            raise FileExistsError(
                "This folder holds no run and is not replaced; choose another. "
                f"Received: {path}"
            )
