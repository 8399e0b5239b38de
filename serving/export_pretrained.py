"""Export a network with the package's weights, without a model folder.

python serving/export_pretrained.py cifar_attention56 cifar10 served/cifar10/1
"""

import argparse
import tempfile
from pathlib import Path

from keras_resattn.export import export
from keras_resattn.model_folder import make_model_folder


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
            warmup=True,
        )
    print(f"The SavedModel is {arguments.out}.")


if __name__ == "__main__":
    main()
