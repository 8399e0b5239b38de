"""Every network trains one step: in each precision, with and without XLA.

What is sampled of (network x precision x XLA), and why:

* float32: every network, with and without XLA. (Without it the sample of `make
  test` is in tests/models/test_cifar.py.)
* mixed_bfloat16, mixed_float16: every network without XLA. With XLA one network
  of each basic unit and stem: a CPU emulates half precision and compiles for
  minutes, and the networks of one unit are made of the same operations.

Images are of the smallest size, as kernels and graphs do not depend on it, and 8
in number: the last maps are 1 x 1, and normalization over 4 values has gradients
too large for float16, at which loss scaling skips every step (cifar_resnet164).
"""

import json

import numpy as np
import pytest

from tests.robustness.networks import every
from tests.robustness.processes import run

HALVES = ("mixed_bfloat16", "mixed_float16")

# One network of each unit (pre_activation, resnext, inception) and stem.
REPRESENTATIVES = (
    "cifar_attention56",
    "attention56",
    "attention_next56",
    "attention_inception56",
)


def check_a_step(name, policy="float32", jit_compile=False):
    printed = run("train_one_step", name, policy, jit_compile)
    result = json.loads(printed.splitlines()[-1])
    assert np.isfinite(result["loss"])
    assert result["unmoved"] == []


@pytest.mark.parametrize("name", every(fast=[]))
def test_gradients_reach_every_weight_by_one_step(name):
    check_a_step(name)


@pytest.mark.parametrize("policy", HALVES)
@pytest.mark.parametrize("name", every(fast=["tiny"]))
def test_a_step_in_half_precision(name, policy):
    check_a_step(name, policy)


@pytest.mark.parametrize("name", every(fast=["tiny"]))
def test_a_step_compiled_by_xla(name):
    check_a_step(name, jit_compile=True)


@pytest.mark.slow
@pytest.mark.parametrize("policy", HALVES)
@pytest.mark.parametrize("name", REPRESENTATIVES)
def test_a_step_compiled_by_xla_in_half_precision(name, policy):
    check_a_step(name, policy, jit_compile=True)
