"""Model folders on the Hugging Face Hub: download and upload (extra `hub`)."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_resattn.typing import StrPath
from keras_resattn.version import __version__
from keras_resattn_client.extras import require_extra

SCHEME = "hf://"
# The files of a model folder. A repository may have others, which are not needed.
FILES = ("*.keras", "*.yaml", "*.txt", "*.csv", "*.json", "*.md")


class Repository(NamedTuple):
    """A repository of the Hub, and a revision of it.

    Attributes:
        name: String, `owner/repository`.
        revision: A branch, a tag or a commit, or `None` for the default branch.
    """

    name: str
    revision: str | None


def is_repository(source: object) -> bool:
    """Return whether `source` is written as a repository: `hf://...`."""
    return isinstance(source, str) and source.startswith(SCHEME)


def parse(address: str) -> Repository:
    """Return the repository of an address.

    Example:

    >>> parse("hf://owner/cats@v1")
    Repository(name='owner/cats', revision='v1')

    Args:
        address: String, `hf://OWNER/REPOSITORY` or `hf://OWNER/REPOSITORY@REVISION`.

    Raises:
        ValueError: If it has another form.
    """
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", address)
    if not match:
        raise ValueError(
            "Write a repository of the Hugging Face Hub as hf://OWNER/REPOSITORY, or "
            f"with a revision: hf://OWNER/REPOSITORY@REVISION. Received: {address}"
        )
    return Repository(match[1], match[2])


def download(address: str) -> Path:
    """Download a model folder from the Hub, unless it is in the Hub's cache.

    Args:
        address: String, see `parse`.

    Returns:
        The `pathlib.Path` of the folder in the cache of huggingface_hub.

    Raises:
        ImportError: If huggingface_hub is not installed.
        OSError: If the repository cannot be downloaded.
        ValueError: If the address has another form.
    """
    repository = parse(address)
    require_extra("hub", "A model at hf://...")
    import huggingface_hub

    remedy = "Check the address, and for a private repository run: hf auth login"
    with _naming_errors("downloaded", remedy, address):
        path = huggingface_hub.snapshot_download(
            repository.name,
            revision=repository.revision,
            allow_patterns=list(FILES),
            library_name="keras-resattn",
            library_version=__version__,
        )
    return Path(path)


def upload(folder: StrPath, address: str, private: bool = False) -> str:
    """Upload a model folder to the Hub. `card.md` becomes the model card.

    Args:
        folder: The path of a model folder.
        address: String, see `parse`. The repository is made if it does not exist.
        private: Boolean, whether a new repository is private.

    Returns:
        The URL of the commit.

    Raises:
        ImportError: If huggingface_hub is not installed.
        OSError: If the folder cannot be uploaded.
        ValueError: If the address has another form, or `private` is true and the
            repository is public.
    """
    repository = parse(address)
    require_extra("hub", "`push`")
    import huggingface_hub

    folder = Path(folder)
    api = huggingface_hub.HfApi(
        library_name="keras-resattn", library_version=__version__
    )
    name, revision = repository
    remedy = "Check the address, and run: hf auth login"
    with _naming_errors("uploaded", remedy, address):
        api.create_repo(name, private=private, exist_ok=True)
        is_public = private and not api.repo_info(name).private
    if is_public:
        raise ValueError(
            "This repository exists and is public, so nothing was uploaded. Make it "
            "private in its settings on the Hub, or push to another name. "
            f"Received: {address} with private=True"
        )
    with _naming_errors("uploaded", remedy, address):
        commit = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            revision=revision,
            allow_patterns=list(FILES),
        )
        card = folder / "card.md"
        if card.is_file():
            # The Hub shows the file of this name as the model card.
            commit = api.upload_file(
                repo_id=name,
                path_or_fileobj=card,
                path_in_repo="README.md",
                revision=revision,
            )
    return str(commit.commit_url)


@contextlib.contextmanager
def _naming_errors(done: str, remedy: str, address: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # The Hub's errors have no class in common.
        reason = " ".join(str(error).split())[:300].rstrip(".")
        if "connect" in f"{type(error).__name__} {reason}".lower() or "Errno" in reason:
            remedy = "Check the connection to the internet"
        raise OSError(
            f"The model could not be {done}: {reason}. {remedy}. Received: {address}"
        ) from error
