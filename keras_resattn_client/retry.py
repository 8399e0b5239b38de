"""Trying again what may succeed a moment later, and no longer than allowed."""

import dataclasses
import email.utils
import itertools
import random
import time
from collections.abc import Callable
from time import sleep
from typing import TypeVar

FIRST_WAIT = 0.25
LONGEST_WAIT = 20.0

Answer = TypeVar("Answer")


class Passing(Exception):
    """An attempt failed, but the next one may not.

    Args:
        error: What to raise if there is no next one.
        wait: Seconds after which the server wants to be asked again; None where
            it does not say.
    """

    def __init__(self, error: Exception, wait: float | None = None):
        super().__init__(error)
        self.error = error
        self.wait = wait


@dataclasses.dataclass(frozen=True)
class Retry:
    """How often and how long to try.

    Args:
        retries: How many more attempts to make after the first one.
        timeout: Seconds that one attempt may take.
        deadline: Seconds that all attempts and the waits between them may take.
    """

    retries: int = 4
    timeout: float = 30.0
    deadline: float = 120.0

    def __post_init__(self):
        if self.retries < 0 or self.timeout <= 0 or self.deadline <= 0:
            raise ValueError(
                "Give retries of 0 or more, and a timeout and a deadline above 0. "
                f"Received: retries={self.retries}, timeout={self.timeout}, "
                f"deadline={self.deadline}"
            )

    def call(self, attempt: Callable[[float], Answer]) -> Answer:
        """Call `attempt` with the seconds it may take until it succeeds.

        Args:
            attempt: Raises `Passing` if it may be called again.

        Returns:
            What `attempt` returned.

        Raises:
            Exception: The last attempt's error.
        """
        end = time.monotonic() + self.deadline
        for number in itertools.count():
            left = max(end - time.monotonic(), 0.001)
            try:
                return attempt(min(self.timeout, left))
            except Passing as failure:
                wait = backoff(number) if failure.wait is None else failure.wait
                if number >= self.retries or time.monotonic() + wait >= end:
                    raise failure.error from failure
                sleep(wait)


def backoff(number: int) -> float:
    """Return seconds to wait: doubling, and not the same for every client."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2**number) * random.uniform(0.5, 1.0)


def retry_after(header: str | None) -> float | None:
    """Return the seconds of an HTTP `Retry-After`: a number or a date."""
    if header is None:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(date.timestamp() - time.time(), 0.0)
