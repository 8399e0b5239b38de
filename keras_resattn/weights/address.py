"""Weights files at an address: fetched once, checked, kept in Keras' cache."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import keras

HUB = "https://huggingface.co"
CACHE = "models/keras_resattn"


def is_address(weights):
    """Return whether `weights` is an address, as `https://...` or `hf://...`."""
    return isinstance(weights, str) and "://" in weights


def resolve(address):
    """Return the URL of an address and the SHA-256 of its file, or `None`.

    Example:

    >>> resolve("hf://owner/repo/model.npz")
    ('https://huggingface.co/owner/repo/resolve/main/model.npz', None)

    Args:
        address: String: `https://...` or `hf://owner/repo/file`, with or
            without `#sha256=...`; with it, `http://...` too.

    Raises:
        ValueError: If it is none of these.
    """
    url, _, fragment = address.partition("#")
    checksum = re.fullmatch("sha256=([0-9a-fA-F]{64})", fragment)
    if fragment and not checksum:
        raise ValueError(
            "After the `#` of an address, give sha256= and 64 hexadecimal digits. "
            f"Received: weights={address}"
        )
    file = re.fullmatch("hf://([^/]+/[^/]+)/(.*[^/])", url)
    # Without encryption, only a checksum tells that the file is the right one.
    schemes = ("https://", "http://") if checksum else ("https://",)
    if not file and not (url.startswith(schemes) and _file_name(url)):
        raise ValueError(
            "The address of `weights` must be https://.../FILE or "
            "hf://OWNER/REPOSITORY/FILE; http:// only with #sha256=... at its end. "
            f"Received: weights={address}"
        )
    if file:
        url = f"{HUB}/{file[1]}/resolve/main/{file[2]}"
    return url, checksum and checksum[1].lower()


def fetch(address):
    """Return the path of the file at an address, downloaded if it is not cached.

    Args:
        address: String, see `resolve`.

    Raises:
        OSError: If it cannot be downloaded.
        ValueError: If the address is wrong or its file has another SHA-256;
            nothing is cached then.
    """
    url, sha256 = resolve(address)
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    # Files of one name from many places are kept apart.
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{_file_name(url)}"
    cached = home / CACHE / name
    if not cached.is_file():
        return _download(url, sha256, home, name, address)
    if sha256 and sha256_of(cached) != sha256:
        return _download(url, sha256, home, name, address)
    return cached


def sha256_of(path):
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url, sha256, home, name, address):
    home.mkdir(parents=True, exist_ok=True)
    try:
        # Beside, then renamed: other processes never see half a file.
        path = keras.utils.get_file(
            f".{os.getpid()}.{name}",
            url,
            cache_dir=str(home),
            cache_subdir=CACHE,
            force_download=True,
        )
    except Exception as error:  # Keras raises no narrower one.
        raise OSError(
            f"These weights could not be downloaded: {error}. Check the address, or "
            f"download the file and give its path. Received: weights={address}"
        ) from error
    received = sha256_of(path)
    if sha256 not in (None, received):
        os.remove(path)
        raise ValueError(
            f"The file at this address is not the one that is meant: its SHA-256 is "
            f"{received}. Nothing was kept. Received: weights={address}"
        )
    cached = Path(path).with_name(name)
    os.replace(path, cached)
    return cached


def _file_name(url):
    return os.path.basename(urlsplit(url).path)
