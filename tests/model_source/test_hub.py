"""Models on the Hugging Face Hub."""

import shutil
from types import SimpleNamespace

import pytest

from keras_resattn import hub
from keras_resattn.model_source import load_model
from tests.model_source.comparing import same


class Hub:
    """A Hub in a folder, with the parts of huggingface_hub that the package calls."""

    def __init__(self, root):
        self.root = root
        self.private = {}

    def __call__(self, library_name, library_version):
        return self

    def place(self, repo_id, revision):
        return self.root / repo_id / (revision or "main")

    def snapshot_download(self, repo_id, *, revision, allow_patterns, **_):
        place = self.place(repo_id, revision)
        if not place.is_dir():
            raise RuntimeError("404 Client Error")
        return str(place)

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        self.private.setdefault(repo_id, private)
        (self.root / repo_id).mkdir(parents=True, exist_ok=True)

    def repo_info(self, repo_id):
        return SimpleNamespace(private=self.private[repo_id])

    def upload_folder(self, *, repo_id, folder_path, revision, allow_patterns):
        place = self.place(repo_id, revision)
        for pattern in allow_patterns:
            for path in folder_path.glob(pattern):
                place.mkdir(exist_ok=True)
                shutil.copy(path, place / path.name)
        return self

    def upload_file(self, *, repo_id, path_or_fileobj, path_in_repo, revision):
        shutil.copy(path_or_fileobj, self.place(repo_id, revision) / path_in_repo)
        return self

    commit_url = "https://example.org/commit/1"


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    import huggingface_hub

    fake = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", fake)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    return fake


def test_a_model_goes_to_the_hub_and_back(fake_hub, source, pictures):
    assert hub.upload(source.path, "hf://me/photos@v1") == fake_hub.commit_url
    same(load_model("hf://me/photos@v1"), source, pictures)
    stored = fake_hub.root / "me" / "photos" / "v1"
    card = (stored / "README.md").read_text()
    assert "import keras_resattn" in card and not (stored / "weights.npz").exists()
    with pytest.raises(OSError, match="404 Client Error.*Received: hf://me/photos$"):
        load_model("hf://me/photos")


def test_a_public_repository_gets_nothing_private(fake_hub, source):
    hub.upload(source.path, "hf://me/open")
    (fake_hub.root / "me" / "open" / "main" / "model.keras").unlink()
    with pytest.raises(ValueError, match="is public.*Received: hf://me/open with"):
        hub.upload(source.path, "hf://me/open", private=True)
    assert not (fake_hub.root / "me" / "open" / "main" / "model.keras").exists()
    hub.upload(source.path, "hf://me/closed", private=True)
    hub.upload(source.path, "hf://me/closed", private=True)


@pytest.mark.parametrize("address", ["hf://", "hf://me", "hf://me/a/b", "hf://me/a@"])
def test_a_wrong_address_is_an_error(address):
    with pytest.raises(ValueError, match="hf://OWNER/REPOSITORY.*Received: hf:"):
        load_model(address)


def test_the_client_of_the_hub_has_what_is_called():
    import inspect

    import huggingface_hub

    for name in ("create_repo", "repo_info", "upload_folder", "upload_file"):
        real = inspect.signature(getattr(huggingface_hub.HfApi, name)).parameters
        called = inspect.signature(getattr(Hub, name)).parameters
        assert set(called) <= set(real)
    real = inspect.signature(huggingface_hub.snapshot_download).parameters
    assert {"repo_id", "revision", "allow_patterns", "library_name"} <= set(real)
