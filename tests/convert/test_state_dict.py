"""Reading state dicts: what is taken, and what is refused."""

import importlib
import os

import numpy as np
import pytest
import safetensors.numpy

from keras_resattn.convert.state_dict import read_state_dict
from keras_resattn_client import extras

pytestmark = pytest.mark.one_backend
WEIGHT = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture
def torch():
    return importlib.import_module("torch")


def check(state, names=("weight",)):
    assert sorted(state) == sorted(names)
    for array in state.values():
        assert array.dtype == "float32"
        np.testing.assert_array_equal(array, WEIGHT)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_safetensors(tmp_path, dtype):
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"module.weight": WEIGHT.astype(dtype)}, path)
    check(read_state_dict(path))


def test_a_prefix_that_not_all_names_have_stays(tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"module.weight": WEIGHT, "weight": WEIGHT}, path)
    check(read_state_dict(path), ["module.weight", "weight"])


@pytest.mark.needs_torch
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net"])
def test_checkpoints(torch, tmp_path, key):
    checkpoint = {key: {"module.weight": torch.tensor(WEIGHT)}, "epoch": 3, "lr": 0.1}
    torch.save(checkpoint, tmp_path / "a.pth.tar")
    check(read_state_dict(tmp_path / "a.pth.tar"))


@pytest.mark.needs_torch
def test_bare_state_dicts_and_parameters(torch, tmp_path):
    parameter = torch.nn.Parameter(torch.tensor(WEIGHT, dtype=torch.bfloat16))
    torch.save({"weight": parameter}, tmp_path / "a.pt")
    check(read_state_dict(tmp_path / "a.pt"))


@pytest.mark.needs_torch
@pytest.mark.parametrize("held", [[1, 2], {"epoch": 3}, {}, {0: 1}, 5])
def test_a_file_without_state_dict_is_an_error(torch, tmp_path, held):
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="is not a state dict.*Received: path="):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.needs_torch
def test_pickled_code_is_refused_and_not_run(torch, tmp_path):
    class Code:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was_run"),)

    torch.save({"state_dict": Code()}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="could run code.*Received: path="):
        read_state_dict(tmp_path / "a.pth")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("length", [0, 1, 50, -10])
@pytest.mark.parametrize(
    "suffix", [".safetensors", pytest.param(".pth", marks=pytest.mark.needs_torch)]
)
def test_truncated_files_are_errors(tmp_path, suffix, length):
    whole, path = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    if suffix == ".pth":
        torch = importlib.import_module("torch")
        torch.save({"weight": torch.tensor(WEIGHT)}, whole)
    else:
        safetensors.numpy.save_file({"weight": WEIGHT}, whole)
    path.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(ValueError, match="damaged.*Received: path="):
        read_state_dict(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file.*Received: path=.*a.pth"):
        read_state_dict(tmp_path / "a.pth")


def test_another_kind_of_file_is_an_error(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(ValueError, match=r"must end in.*'.pth'.*Received: path=.*a.h5"):
        read_state_dict(tmp_path / "a.h5")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"")
    package = "torch" if suffix == ".pth" else "safetensors"

    monkeypatch.setattr(extras, "_is_installed", lambda name: name != package)
    with pytest.raises(ImportError, match=rf"pip install .*\[convert\].*{package}"):
        read_state_dict(tmp_path / f"a{suffix}")
