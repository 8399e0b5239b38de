"""Repeat requests after temporary failures, within limits of number and time."""

import dataclasses
import email.utils
import math
import random
import time
from collections.abc import Callable
from time import sleep
from typing import TypeVar

FIRST_WAIT = 0.25
LONGEST_WAIT = 20.0

Answer = TypeVar("Answer")


class Passing(Exception):
    """An attempt failed, but the next one may succeed.

    Args:
        error: The error to raise if there is no next attempt.
        wait: The seconds that the server asks to wait. None if it does not.
    """

    def __init__(self, error: Exception, wait: float | None = None):
        super().__init__(error)
        self.error = error
        self.wait = wait


@dataclasses.dataclass(frozen=True)
class Retry:
    """The number of attempts and their time.

    Args:
        retries: The number of further attempts after the first one.
        timeout: Seconds for one attempt.
        deadline: Seconds for all attempts and the waits between them.
    """

    retries: int = 4
    timeout: float = 30.0
    deadline: float = 120.0

    def __post_init__(self) -> None:
        if self.retries < 0 or self.timeout <= 0 or self.deadline <= 0:
            raise ValueError(
                "retries must be 0 or more, timeout and deadline above 0. "
                f"Received: retries={self.retries}, timeout={self.timeout}, "
                f"deadline={self.deadline}"
            )

    def call(self, attempt: Callable[[float], Answer]) -> Answer:
        """Call `attempt` with its number of seconds until it succeeds.

        Args:
            attempt: Raises `Passing` if it may be called again.

        Returns:
            The result of `attempt`.

        Raises:
            Exception: The error of the last attempt.
        """
        number, end = 0, time.monotonic() + self.deadline
        while True:
            left = max(end - time.monotonic(), 0.001)
            try:
                return attempt(min(self.timeout, left))
            except Passing as failure:
                wait = backoff(number) if failure.wait is None else failure.wait
                if number >= self.retries or time.monotonic() + wait >= end:
                    raise failure.error from failure
                sleep(wait)
            number += 1


def backoff(number: int) -> float:
    """Return the seconds to wait. They double, and differ between clients."""
    seconds: float = min(LONGEST_WAIT, FIRST_WAIT * 2**number)
    return seconds * random.uniform(0.5, 1.0)


def retry_after(header: str | None) -> float | None:
    """Return the seconds of an HTTP `Retry-After`, which is a number or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
        return None if math.isnan(seconds) else max(seconds, 0.0)
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(date.timestamp() - time.time(), 0.0)
