"""Classifying many images: the ones that cannot be read do not stop the others."""

import itertools
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_resattn_client.client import Client
from keras_resattn_client.errors import ServerError
from keras_resattn_client.results import Result

Classify = Callable[[Sequence[str]], list[Result]]


class BadImage(ValueError):
    """One of the images is the reason why none of them was classified."""


def classify_all(
    paths: Iterable[str | Path], classify: Classify, batch_size: int = 32
) -> Iterator[list[Result]]:
    """Yield the results of a batch of images after the other.

    Args:
        paths: Paths of image files.
        classify: Gives the results of a list of paths, or raises `BadImage`.
        batch_size: How many to classify at a time.

    Yields:
        A list of `Result`, one for each path in order.
    """
    rest = map(str, paths)
    while batch := list(itertools.islice(rest, batch_size)):
        yield classify_each(batch, classify)


def classify_each(paths: Sequence[str], classify: Classify) -> list[Result]:
    """Return the results of a batch; find the bad images in it by halves."""
    try:
        return classify(paths)
    except BadImage as error:
        if len(paths) == 1:
            return [Result(paths[0], error=" ".join(str(error).split()))]
    middle = len(paths) // 2
    return classify_each(paths[:middle], classify) + classify_each(
        paths[middle:], classify
    )


class RemoteClassifier:
    """Classifies files by a client; the probabilities are of the server's top k.

    Making one asks the server about a picture of its own, so that what is wrong
    with every request is not taken for a fault of the images.

    Args:
        client: A `Client`.
    """

    def __init__(self, client: Client):
        self.client = client
        client.predict(black_pixel())

    def __call__(self, paths: Sequence[str]) -> list[Result]:
        try:
            images = [Path(path).read_bytes() for path in paths]
        except OSError as error:
            raise BadImage(f"It cannot be read: {error}") from error
        try:
            prediction = self.client.predict(images)
        except ServerError as error:
            if error.is_about_the_input:
                raise BadImage(error.message) from error
            raise
        return [
            Result(path, tuple(zip(labels, probabilities, strict=True)))
            for path, labels, probabilities in zip(
                paths,
                prediction.top_k_labels.tolist(),
                prediction.top_k_probabilities.tolist(),
                strict=True,
            )
        ]


def black_pixel() -> bytes:
    """Return a PNG of one pixel."""
    chunks = (
        (b"IHDR", b"\0\0\0\1\0\0\0\1\x08\2\0\0\0"),
        (b"IDAT", zlib.compress(bytes(4))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big")
        + kind
        + data
        + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )
