"""Print how far Attention-56 is from the authors' outputs, on one backend.

KERAS_BACKEND=jax python -m benchmarks.golden_errors
"""

import keras
import numpy as np

import keras_resattn
from tests.network import authors_names
from tests.network import golden


def main():
    weights, x, expected = golden.load("attention_56")
    model = keras_resattn.Attention56()
    authors_names.assign(model, weights)
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
    print(f"| {keras.backend.backend()} | {cells} |")


if __name__ == "__main__":
    main()
