"""Ask again, waiting longer each time."""

from __future__ import annotations

import time
from typing import Callable, Iterator, TypeVar

T = TypeVar("T")


def backoff(first: float, factor: float = 2.0, longest: float = 30.0) -> Iterator[float]:
    """Waiting times in seconds: first, first * factor, ... never above longest."""
    wait = first
    while True:
        yield min(wait, longest)
        wait *= factor


def retry(
    call: Callable[[], T],
    on: type[Exception],
    attempts: int = 4,
    first: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """The result of call; `on` is caught and answered with another attempt."""
    if attempts < 1:
        raise ValueError("at least one attempt is needed")
    waits = backoff(first)
    for _ in range(attempts - 1):
        try:
            return call()
        except on:
            sleep(next(waits))
    return call()
