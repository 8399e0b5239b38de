"""Train a network one step; print as JSON whether every weight moved.

A process of its own: TensorFlow keeps what XLA compiled until its process ends, and
the networks of the matrix take more than 20 GB together.
"""

import json
import sys

import keras

from tests.robustness.networks import build
from tests.robustness.training import compiled
from tests.robustness.training import unmoved_by_a_step


def train(name, policy, jit_compile):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    loss, unmoved = unmoved_by_a_step(compiled(build(name), jit_compile=jit_compile))
    return {"loss": loss, "unmoved": unmoved}


if __name__ == "__main__":
    name, policy, jit_compile = sys.argv[1:]
    print(json.dumps(train(name, policy, jit_compile == "True")))
