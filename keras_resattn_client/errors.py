"""The errors of a request."""

import re
from collections.abc import Sequence

_KEY_REMEDY = (
    " Set the environment variable KERAS_RESATTN_API_KEY, or in Python api_key=KEY."
)
_REMEDIES: dict[int | str, str] = {401: _KEY_REMEDY, "UNAUTHENTICATED": _KEY_REMEDY}


class ServerError(RuntimeError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status, an integer, or the name of the gRPC status code,
            such as `"NOT_FOUND"`.
        message: The server's message.
    """

    def __init__(self, status: int | str, message: str, url: str):
        sentence = _sentence(message) + _REMEDIES.get(status, "")
        super().__init__(f"The server answered {status}: {sentence} Received: {url}")
        self.status = status
        self.message = message
        self.url = url

    def with_image(self, names: Sequence[str]) -> "ServerError":
        """Return the error with the name of the image that it is about.

        Args:
            names: The names of the images of the request. The server numbers them.
        """
        match = re.search(r"\bElement (\d+) of ", self.message)
        number = int(match[1]) if match else 0
        # A message without a number can be about the one image, but not about labels.
        about_other = "label" in self.message or "signature" in self.message
        known = match is not None or (len(names) == 1 and not about_other)
        if not (known and self.is_about_the_input and number < len(names)):
            return self
        return ServerError(
            self.status,
            f"{_sentence(self.message)} The image: {names[number]}.",
            self.url,
        )

    @property
    def is_about_the_input(self) -> bool:
        """Whether the server may accept other images."""
        return (
            self.status in (400, 413, "INVALID_ARGUMENT")
            or "larger than max" in self.message
        )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


class ServerUnreachable(ConnectionError):
    """There is no server at the address."""

    def __init__(self, url: str, reason: object):
        super().__init__(
            f"There is no server at this address ({reason}). Start one with "
            "`keras-resattn serve BASE`, or correct host and port. gRPC has another "
            "port than REST: grpc://HOST:8500 and http://HOST:8501. If the server uses "
            "TLS, the address begins with https:// or grpcs://. "
            f"Received: {url}"
        )


class ServerNotTrusted(ServerUnreachable):
    """The TLS connection to the server failed."""

    def __init__(self, url: str, reason: object):
        ConnectionError.__init__(
            self,
            f"The TLS connection to the server failed ({reason}). Check that the "
            "server uses TLS, and give the certificate of its authority with "
            "--ca-certificates FILE (in Python: ca_certificates=...). "
            f"Received: {url}",
        )


class ServerTimeout(TimeoutError):
    """The answer took longer than `timeout`."""

    def __init__(self, url: str, seconds: float):
        super().__init__(
            f"The server did not answer within {seconds:g} s. Give a longer timeout "
            f"or a smaller batch_size. Received: {url}"
        )
