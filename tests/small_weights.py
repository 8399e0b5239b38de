"""Weights of the tiny network with a name, in a table of their own."""

import json
import shutil

from keras_resattn import model_folder
from keras_resattn.model_folder import ModelFolder
from keras_resattn.weights import save_packed
from keras_resattn.weights import table
from keras_resattn.weights.address import sha256_of
from keras_resattn.weights.packed import load_packed


def rounded(folder, path):
    """Return a copy of a model folder with weights that a packed file can hold."""
    shutil.copytree(folder.path, path)
    save_packed(folder.model, path / "weights.npz")
    copy = ModelFolder.open(path)
    load_packed(copy.model, path / "weights.npz")
    copy.model.save(path / "model.keras")
    return ModelFolder.open(path)


def publish(folder, root, monkeypatch, names=("photos",)):
    """Make the weights of a model folder known by name, and those of the package not.

    Args:
        folder: What `rounded` returned.
        root: A new folder for the table.
        monkeypatch: The fixture.
        names: The names of the weights.
    """
    recipe = folder.recipe
    facts = {
        "network": recipe.network.name,
        "data": recipe.data.name,
        "classes": len(folder.labels),
        "labels": folder.labels,
        "input_shape": recipe.network.input_shape,
        "arguments": {},
        "mean": recipe.preprocessing.mean,
        "std": recipe.preprocessing.std,
        "accuracy": 0.75,
        "test_images": 4,
        "licence": "CC0-1.0",
        "logits": [],
    }
    entries = []
    for name in names:
        place = root / name
        place.mkdir(parents=True)
        for file in ("recipe.yaml", "metrics.csv", "weights.npz"):
            shutil.copy(folder.path / file, place / file)
        weights = place / "weights.npz"
        file = {"folder": name, "file": f"{name}/weights.npz", "name": name}
        size = {"size": weights.stat().st_size, "sha256": sha256_of(weights)}
        entries.append(facts | file | size)
    (root / "table.json").write_text(json.dumps(entries))
    monkeypatch.setattr(table, "FOLDER", root)
    monkeypatch.setattr(model_folder, "WEIGHTS", root)
