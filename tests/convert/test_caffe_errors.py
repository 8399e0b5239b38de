"""What a Caffe model must be to be converted, and what is said if it is not."""

import numpy as np
import pytest

from keras_resattn.convert import convert_caffe
from tests.convert import caffemodels
from tests.convert import layer_table

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def small():
    """The layers of a Caffe model that is only the stem."""
    table = layer_table.read("attention_56")[:4]
    return caffemodels.layers(table, caffemodels.draw(table), "variance")


def attention_56(bn_statistic):
    table = layer_table.read("attention_56")
    return caffemodels.layers(table, caffemodels.draw(table), bn_statistic)


def test_all_that_does_not_fit_is_listed(tmp_path):
    layers = attention_56("inverse-std")
    del layers["AttentionA_1/mask/linear_2"]
    layers["AttentionA_2/mask/linear_2"] = ("Convolution", [np.ones((2, 2, 1, 1))])
    kind, (kernel,) = layers["conv1"]
    layers["conv1"] = kind, [kernel.transpose(1, 0, 2, 3).copy()]
    kind, blobs = layers["conv1/bn"]
    layers["conv1/bn"] = kind, blobs[:3]
    statistic = layers["pool1_3x3_s2/bn"][1][3]
    statistic[0, 5:7, 0, 0] = 0, 400
    kind, (kernel, bias) = layers["classifier"]
    layers["classifier"] = kind, [kernel, caffemodels.blob(bias[1:], shape=(1000,))]
    path = tmp_path / "wrong.caffemodel"
    caffemodels.write(path, layers)
    twice = tmp_path / "twice.caffemodel"
    caffemodels.write(twice, {"post_res_4_3/bn": layers["post_res_4_3/bn"]})
    with path.open("ab") as file:
        file.write(twice.read_bytes())

    with pytest.raises(ValueError) as raised:
        convert_caffe(path, "Attention56", "inverse-std", (64, 64, 3))
    lines = str(raised.value).splitlines()
    for problem in (
        "AttentionA_1/mask/linear_2: missing",
        "AttentionA_2/mask/linear_2: left over, the network has no such layer",
        "conv1: blob 0 has shape (3, 64, 7, 7) instead of (64, 3, 7, 7)",
        "conv1/bn: 3 blobs instead of 4",
        "classifier: the number of values of blob 1 does not fit (1000,)",
        "post_res_4_3/bn: there are 2 layers with this name",
        "pool1_3x3_s2/bn: 2 of 64 values, such as 0.0, are not possible with "
        "bn_statistic='inverse-std'. Try the other value",
    ):
        assert any(problem in line for line in lines), problem
    assert len(lines) == 8
    assert lines[-1] == f"Received: path='{path}', network='Attention56'"


def test_a_negative_variance_is_refused(tmp_path):
    layers = attention_56("variance")
    layers["conv1/bn"][1][3][0, 0] = -0.5
    path = tmp_path / "negative.caffemodel"
    caffemodels.write(path, layers, old=True)
    with pytest.raises(ValueError, match=r"conv1/bn: 1 of 64 values, such as -0\.5"):
        convert_caffe(path, "Attention56", "variance", (64, 64, 3))


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(small, tmp_path, kept):
    path = tmp_path / "truncated.caffemodel"
    caffemodels.write(path, small)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"not a Caffe model, or.*Received: path="):
        convert_caffe(path, "Attention56", "variance")


@pytest.mark.parametrize(
    "content",
    [b"", b'name: "Attention-56"\n', b"\x89HDF\r\n\x1a\n", bytes(range(256)) * 99],
)
def test_garbage_is_refused(tmp_path, content):
    path = tmp_path / "garbage.caffemodel"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not a Caffe|no trained.*Received: path="):
        convert_caffe(path, "Attention56", "variance")


def test_a_file_without_weights_is_refused(small, tmp_path):
    path = tmp_path / "untrained.caffemodel"
    caffemodels.write(path, {name: (kind, []) for name, (kind, _) in small.items()})
    with pytest.raises(ValueError, match=r"no trained weights.*Received: path="):
        convert_caffe(path, "Attention56", "variance")


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "missing.caffemodel"
    with pytest.raises(FileNotFoundError, match=f"Received: path='{path}'"):
        convert_caffe(path, "Attention56", "variance")


@pytest.mark.parametrize("network", ["cifar_attention56", "resnet152", "", None])
def test_a_network_without_authors_names_is_refused(tmp_path, network):
    with pytest.raises(ValueError) as raised:
        convert_caffe(tmp_path / "any", network, "variance")
    message = str(raised.value)
    assert "'Attention56', 'Attention92', 'AttentionNeXt56'" in message
    assert message.endswith(f"Received: network={network!r}")


def test_an_unknown_statistic_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'inverse-std', 'variance'.*_statistic='std'"):
        convert_caffe(tmp_path / "any", "Attention56", "std")
