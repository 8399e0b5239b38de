"""Print the largest errors of the networks on one backend.

    KERAS_BACKEND=jax python -m benchmarks.golden_errors

The expected outputs are an independent float64 evaluation of the authors' published
layer definitions, in `tests/models/golden`.
"""

import keras
import numpy as np

import keras_resattn
from keras_resattn.convert import authors_names
from tests.models import golden

NETWORKS = {
    "attention_56": keras_resattn.Attention56,
    "attention_next_56": keras_resattn.AttentionNeXt56,
}


def main():
    for name, network in NETWORKS.items():
        print_errors(name, network())


def print_errors(name, model):
    weights, x, expected = golden.load(name)
    golden.assign(model, weights)
    names = authors_names.outputs(model)
    layers = {blob: model.get_layer(name).output for blob, name in names.items()}
    outputs = keras.Model(model.inputs, layers).predict(x, verbose=0)
    errors = {"sums": 0.0, "masks": 0.0, "softmax": 0.0}
    for blob, output in outputs.items():
        kind = "softmax" if blob == "cls" else "sums"
        kind = "masks" if blob.endswith("/mask") else kind
        error = float(np.abs(golden.sample(output) - expected[blob]).max())
        errors[kind] = max(errors[kind], error)
    cells = " | ".join(f"{error:.1e}" for error in errors.values())
    print(f"| {model.name} | {keras.backend.backend()} | {cells} |")


if __name__ == "__main__":
    main()
