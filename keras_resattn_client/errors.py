"""What a request can end in."""


class ServerError(RuntimeError):
    """The server answered that it cannot do what was asked.

    Attributes:
        status: The HTTP status, an integer, or the name of the gRPC status code,
            such as `"NOT_FOUND"`.
        message: The server's own words.
    """

    def __init__(self, status: int | str, message: str, url: str):
        super().__init__(f"The server answered {status}: {message} Received: {url}")
        self.status = status
        self.message = message

    @property
    def is_about_the_input(self) -> bool:
        """Whether other images might be answered."""
        return (
            self.status in (400, 413, "INVALID_ARGUMENT")
            or "larger than max" in self.message
        )


class ServerUnreachable(ConnectionError):
    """Nothing answers at the server's address."""

    def __init__(self, url: str, reason: object):
        super().__init__(
            f"No server can be reached there ({reason}); start one with "
            "`keras-resattn serve BASE`, or correct host and port. "
            f"Received: {url}"
        )


class ServerTimeout(TimeoutError):
    """The answer took longer than `timeout`."""

    def __init__(self, url: str, seconds: float):
        super().__init__(
            f"The server did not answer within {seconds:g} s; give a longer timeout "
            f"or a smaller batch_size. Received: {url}"
        )
