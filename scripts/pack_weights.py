"""Pack the weights of a model folder into the package, known by a name.

Their accuracy is measured on the test images, with the packed weights (float16).
The data set must be available.
"""

import argparse
import dataclasses
import inspect
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_resattn.atomic_writing import write_beside
from keras_resattn.builder.named import ARCHITECTURE
from keras_resattn.model_folder import EVALUATION
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import METRICS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.training import evaluate
from keras_resattn.weights import WeightsInfo
from keras_resattn.weights import save_packed
from keras_resattn.weights import table
from keras_resattn.weights.address import is_address
from keras_resattn.weights.address import sha256_of
from keras_resattn.zoo import NETWORKS
from keras_resattn.zoo import create_model

FILE = "weights.npz"
LICENCE = Path(__file__).parents[1] / "LICENSE"


def pack(
    run,
    name,
    data_dir=None,
    licence="Apache-2.0",
    licence_text=LICENCE,
    url=None,
):
    """Pack the weights of a run and enter their facts in the table.

    Example:

    >>> pack("runs/cifar10", "cifar10").accuracy

    Args:
        run: The path of a model folder.
        name: The name of the weights, for the argument `weights`.
        data_dir: The folder of tensorflow-datasets. Defaults to that of the run's
            recipe.
        licence: The SPDX identifier of the weights' licence.
        licence_text: The path of its text.
        url: The address at which you will publish the file, which is then written
            to `weights.npz` in `run`. `None` to put it into the package.

    Returns:
        The `WeightsInfo`. An earlier entry of this name is replaced.

    Raises:
        FileNotFoundError: If `run` is not a model folder or the data are missing.
        ValueError: If the packed weights do not give the same network.
    """
    folder = ModelFolder.open(run)
    place = table.FOLDER / f"{folder.recipe.network.name}-{name}"
    with tempfile.TemporaryDirectory() as temporary:
        beside = Path(temporary)
        entry = beside / "entry"
        entry.mkdir()
        save_packed(folder.model, entry / FILE)
        model = load_back(folder.recipe, len(folder.labels), entry / FILE)
        evaluation = evaluate(packed_run(folder, model, beside / "run", data_dir))
        info = WeightsInfo(
            **facts(folder, entry / FILE),
            name=name,
            accuracy=evaluation.accuracy,
            test_images=evaluation.count,
            licence=licence,
            folder=place.name,
            file=url or f"{place.name}/{FILE}",
        )
        (entry / RECIPE).write_text(public(folder.recipe).to_yaml(), "utf-8")
        shutil.copy(folder.path / METRICS, entry)
        results = public_results(evaluation, folder.recipe).to_json()
        (entry / EVALUATION).write_text(results, "utf-8")
        shutil.copy(licence_text, entry / "LICENSE")
        if url:
            shutil.move(entry / FILE, folder.path / FILE)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(entry, place)
    enter(info)
    return info


def load_back(recipe, classes, file, **arguments):
    """Return the network of a recipe with packed weights, after a check of them."""
    network = recipe.network
    model = create_model(
        network.name,
        input_shape=network.input_shape,
        classes=classes,
        weights=file,
        **architecture(network),
        **arguments,
    )
    with tempfile.TemporaryDirectory() as temporary:
        again = Path(temporary) / FILE
        save_packed(model, again)
        if sha256_of(again) != sha256_of(file):
            raise ValueError(
                f"The packed weights change when they are loaded. Received: {file}"
            )
    return model


def architecture(network):
    """Return the arguments that decide which weights fit, with their defaults."""
    known = inspect.signature(NETWORKS[network.name].network).parameters
    stated = network.options()
    return {
        key: stated.get(key, known[key].default) for key in ARCHITECTURE if key in known
    }


def packed_run(folder, model, path, data_dir):
    """Make a model folder of the model with packed weights, to evaluate it."""
    path.mkdir()
    model.save(path / MODEL)
    shutil.copy(folder.path / LABELS, path)
    recipe = folder.recipe
    if data_dir:
        data = recipe.data.model_copy(update={"data_dir": str(data_dir)})
        recipe = recipe.model_copy(update={"data": data})
    (path / RECIPE).write_text(recipe.to_yaml(), "utf-8")
    return ModelFolder.open(path)


def public_results(evaluation, recipe):
    """Return an evaluation without paths of the training machine."""
    if not Path(recipe.data.name).exists():
        return evaluation
    name = public(recipe).data.name
    return dataclasses.replace(evaluation, data=name, notes=(), wrong=(), least_sure=())


def public(recipe):
    """Return a recipe without paths of the training machine."""
    data, network = recipe.data, recipe.network
    name = Path(data.name).name if Path(data.name).is_dir() else data.name
    weights = network.weights
    if weights and not is_address(weights):
        weights = Path(weights).name
    return recipe.model_copy(
        update={
            "data": data.model_copy(update={"name": name, "data_dir": None}),
            "network": network.model_copy(update={"weights": weights}),
        }
    )


def facts(folder, file):
    """Return the facts of packed weights that do not need the test images."""
    recipe, preprocessing = folder.recipe, folder.preprocessing
    logits = load_back(recipe, len(folder.labels), file, classifier_activation=None)
    images = synthetic_images(recipe.network.input_shape)
    x = (images - np.float32(preprocessing.mean)) / np.float32(preprocessing.std)
    return {
        "network": recipe.network.name,
        "data": public(recipe).data.name,
        "classes": len(folder.labels),
        "labels": list(folder.labels),
        "input_shape": recipe.network.input_shape,
        "arguments": architecture(recipe.network),
        "mean": preprocessing.mean,
        "std": preprocessing.std,
        "size": file.stat().st_size,
        "sha256": sha256_of(file),
        "logits": logits.predict(x, verbose=0).round(5).tolist(),
    }


def synthetic_images(input_shape):
    """Draw four images of 4 x 4 random patches, with a fixed seed."""
    height, width, channels = input_shape
    patches = np.random.RandomState(0).randint(0, 256, (4, 4, 4, channels))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return patches[:, rows][:, :, columns].astype("float32")


def enter(info):
    """Write an entry into the table. It replaces one of the same name."""
    entries = [
        entry
        for entry in table.read_table()
        if (entry.network, entry.name) != (info.network, info.name)
    ]
    entries = sorted([*entries, info], key=lambda entry: (entry.network, entry.name))
    text = json.dumps([entry._asdict() for entry in entries], indent=1) + "\n"
    path = table.FOLDER / table.TABLE
    write_beside(path, lambda beside: beside.write_text(text, "utf-8"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the model folder")
    parser.add_argument("--name", required=True, help="the name of the weights")
    note = "the folder of tensorflow-datasets (default: that of the recipe)"
    parser.add_argument("--data-dir", metavar="DIR", help=note)
    note = "the SPDX identifier of the weights' licence (default: %(default)s)"
    parser.add_argument("--licence", default="Apache-2.0", help=note)
    note = "the file of its text (default: the project's)"
    parser.add_argument("--licence-text", metavar="FILE", default=LICENCE, help=note)
    note = "the address of the file, if it is not to be in the package"
    parser.add_argument("--url", help=note)
    options = parser.parse_args(arguments)
    try:
        info = pack(**vars(options))
    except (OSError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print(json.dumps({**info._asdict(), "logits": "..."}, indent=1))
    before = Path(options.run) / EVALUATION
    if before.is_file():
        accuracy = json.loads(before.read_text())["accuracy"]
        print(f"The run's own accuracy: {accuracy}; packed: {info.accuracy}")


if __name__ == "__main__":
    main()
