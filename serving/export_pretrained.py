"""Export a network with weights that are in the package, without a model folder.

python serving/export_pretrained.py cifar_attention56 cifar10 served/cifar10/1
"""

import argparse
import tempfile
from pathlib import Path

from keras_resattn import create_model
from keras_resattn.export import export
from keras_resattn.model_folder import LABELS
from keras_resattn.model_folder import MODEL
from keras_resattn.model_folder import RECIPE
from keras_resattn.model_folder import ModelFolder
from keras_resattn.weights import weights_info
from keras_resattn.weights.table import FOLDER


def make_model_folder(network, weights, path):
    """Write the model folder that these weights would be from.

    Args:
        network: String, a name in `keras_resattn.list_models()`.
        weights: String, a name in `keras_resattn.weights.list_weights(network)`.
        path: A `pathlib.Path`, an empty folder.

    Returns:
        The `ModelFolder`.

    Raises:
        ValueError: If there are no such weights.
    """
    info = weights_info(network, weights)
    model = create_model(
        network,
        weights=weights,
        input_shape=info.input_shape,
        classes=info.classes,
        **info.arguments,
    )
    model.save(path / MODEL)
    recipe = (FOLDER / info.folder / RECIPE).read_text(encoding="utf-8")
    (path / RECIPE).write_text(recipe, encoding="utf-8")
    labels = "".join(f"{label}\n" for label in info.labels)
    (path / LABELS).write_text(labels, encoding="utf-8")
    return ModelFolder.open(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("weights")
    parser.add_argument("out", type=Path, help="BASE/NAME/VERSION")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        export(
            make_model_folder(arguments.network, arguments.weights, path),
            arguments.out,
        )
    print(f"The SavedModel is {arguments.out}.")


if __name__ == "__main__":
    main()
