import shutil

import pytest

from tests.small_weights import rounded


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "keras"


@pytest.fixture(scope="package")
def source(model_folder, tmp_path_factory):
    """Return the model folder with weights that fit into a packed file."""
    return rounded(model_folder, tmp_path_factory.mktemp("rounded") / "run")


@pytest.fixture
def file(source, tmp_path):
    """Return the path of a Keras file without a folder around it."""
    path = tmp_path / "mine" / "net.keras"
    path.parent.mkdir()
    shutil.copy(source.path / "model.keras", path)
    return path
