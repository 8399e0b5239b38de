"""Weights files at an address: download them once to Keras' cache, and check them."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from typing import TypeGuard
from urllib.parse import urlsplit

import keras

from keras_resattn.typing import StrPath

HUB = "https://huggingface.co"
CACHE = "models/keras_resattn"


def is_address(weights: Any) -> TypeGuard[str]:
    """Return whether `weights` is an address, such as `https://...` or `hf://...`."""
    return isinstance(weights, str) and "://" in weights


def resolve(address: str) -> tuple[str, str | None]:
    """Return the URL of an address and the SHA-256 of its file, or `None`.

    Example:

    >>> resolve("hf://owner/repo/model.npz")
    ('https://huggingface.co/owner/repo/resolve/main/model.npz', None)

    Args:
        address: String: `https://...` or `hf://owner/repo/file`. It may end in
            `#sha256=...`. `http://...` is only allowed with a checksum.

    Raises:
        ValueError: If it is none of these.
    """
    url, _, fragment = address.partition("#")
    checksum = re.fullmatch("sha256=([0-9a-fA-F]{64})", fragment)
    if fragment and not checksum:
        raise ValueError(
            "After the `#` of an address, write sha256= and 64 hexadecimal digits. "
            f"Received: weights={address}"
        )
    file = re.fullmatch("hf://([^/]+/[^/]+)/(.*[^/])", url)
    # Without encryption, only a checksum can prove that the file is the right one.
    schemes = ("https://", "http://") if checksum else ("https://",)
    if not file and not (url.startswith(schemes) and _file_name(url)):
        raise ValueError(
            "The address of `weights` must be https://.../FILE or "
            "hf://OWNER/REPOSITORY/FILE. Only an address that ends in #sha256=... "
            "may be http://. "
            f"Received: weights={address}"
        )
    if file:
        url = f"{HUB}/{file[1]}/resolve/main/{file[2]}"
    return url, checksum[1].lower() if checksum else None


def fetch(address: str) -> Path:
    """Return the path of the file at an address. Download it if it is not cached.

    Args:
        address: String, see `resolve`.

    Raises:
        OSError: If it cannot be downloaded.
        ValueError: If the address is wrong or its file has another SHA-256.
            Nothing is cached in this case.
    """
    url, sha256 = resolve(address)
    home = keras_home()
    # The hash keeps files of the same name from different addresses apart.
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{_file_name(url)}"
    cached = home / CACHE / name
    if not cached.is_file():
        return _download(url, sha256, home, name, address)
    if sha256 and sha256_of(cached) != sha256:
        return _download(url, sha256, home, name, address)
    return cached


def keras_home() -> Path:
    """Return the folder in which Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))


def sha256_of(path: StrPath) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(
    url: str, sha256: str | None, home: Path, name: str, address: str
) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    try:
        # Write under another name, then rename: other processes never see a part.
        path = keras.utils.get_file(
            f".{os.getpid()}.{name}",
            url,
            cache_dir=str(home),
            cache_subdir=CACHE,
            force_download=True,
        )
    except Exception as error:  # Keras raises no narrower class.
        raise OSError(
            f"The weights could not be downloaded: {error}. Check the address, or "
            f"download the file yourself and use its path. Received: weights={address}"
        ) from error
    received = sha256_of(path)
    if sha256 not in (None, received):
        os.remove(path)
        raise ValueError(
            f"The file's SHA-256 does not match: it is {received}. The file was "
            f"deleted. Check the address and its checksum. Received: weights={address}"
        )
    cached = Path(path).with_name(name)
    os.replace(path, cached)
    return cached


def _file_name(url: str) -> str:
    return os.path.basename(urlsplit(url).path)
