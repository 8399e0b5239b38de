"""Every network trains one step on two devices at once (MirroredStrategy).

The devices are two logical CPUs, without XLA. Networks share a process, as
each takes long to start.
"""

import json

import numpy as np
import pytest

from tests.robustness.networks import NETWORKS
from tests.robustness.processes import run

GROUPS = {
    "tiny": ["tiny"],
    "cifar": ["cifar_attention56", "cifar_attention92", "cifar_resnet164"],
    "deep_cifar": ["cifar_attention128", "cifar_attention164", "cifar_attention236"],
    "deepest_cifar": ["cifar_attention452"],
    "imagenet": ["attention56", "attention92", "attention_inception56"],
    "resnext": ["attention_next56", "attention_next92", "resnext101"],
    "resnet": ["resnet152", "resnet200"],
    "inception_resnet": ["inception_resnet_v1", "inception_resnet_v2"],
    "pytorchcv": ["pytorchcv_attention56", "pytorchcv_attention92"],
}


def test_no_network_is_left_out():
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted(grouped) == sorted([*NETWORKS, "tiny"])


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(group, marks=() if group == "tiny" else pytest.mark.slow)
        for group in GROUPS
    ],
)
def test_a_step_on_two_devices(group):
    lines = run("train_mirrored", *GROUPS[group]).splitlines()
    results = [json.loads(line) for line in lines]
    assert [result["name"] for result in results] == GROUPS[group]
    for result in results:
        assert result["devices"] == 2
        assert np.isfinite(result["loss"])
        assert result["unmoved"] == []
        assert result["copies_differ"] == []
