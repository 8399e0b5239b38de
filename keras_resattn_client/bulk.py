"""Classify many images. Those that cannot be read do not stop the others."""

import itertools
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TypeAlias

from keras_resattn_client.client import Client
from keras_resattn_client.errors import ServerError
from keras_resattn_client.errors import ServerTimeout
from keras_resattn_client.errors import ServerUnreachable
from keras_resattn_client.result_formats import Result
from keras_resattn_client.typing import StrPath

Classify: TypeAlias = Callable[[Sequence[str]], list[Result]]


class BadImage(ValueError):
    """A batch was not classified because of one of its images."""


def classify_all(
    paths: Iterable[StrPath], classify: Classify, batch_size: int = 32
) -> Iterator[list[Result]]:
    """Classify images batch by batch.

    Args:
        paths: Paths of image files.
        classify: Returns the results of a list of paths, or raises `BadImage`.
        batch_size: Images per batch. The last batch may be smaller.

    Yields:
        A list of `Result` per batch, one per path in order.
    """
    rest = map(str, paths)
    while batch := list(itertools.islice(rest, batch_size)):
        yield classify_each(batch, classify)


def classify_each(paths: Sequence[str], classify: Classify) -> list[Result]:
    """Return the results of a batch. Find bad images by halving the batch."""
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
    """Classify files by a client. The results have the server's top k classes.

    The constructor sends an image of its own, so that an error of every request is
    not reported as an error of the images.

    Args:
        client: A `Client`.
    """

    def __init__(self, client: Client):
        self.client = client
        client.predict(black_pixel())

    def __call__(self, paths: Sequence[str]) -> list[Result]:
        try:
            prediction = self.client.predict(paths)
        except ServerError as error:
            if error.is_about_the_input:
                raise BadImage(error.message) from error
            raise
        except (ServerUnreachable, ServerTimeout):  # also OSErrors
            raise
        except OSError as error:
            raise BadImage(f"The file cannot be read: {error}") from error
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
