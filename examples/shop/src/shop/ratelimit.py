"""Not more than so many calls in a span of time."""

from __future__ import annotations

import time
from collections import deque
from typing import Deque


class TooManyCalls(Exception):
    """The limit is reached for now."""


class RateLimiter:
    """A sliding window: at most `calls` within the last `seconds`."""

    def __init__(self, calls: int, seconds: float) -> None:
        if calls < 1 or seconds <= 0:
            raise ValueError("a limit needs at least one call and some time")
        self._calls = calls
        self._seconds = seconds
        self._times: Deque[float] = deque()

    def try_acquire(self) -> bool:
        now = time.monotonic()
        while self._times and now - self._times[0] >= self._seconds:
            self._times.popleft()
        if len(self._times) >= self._calls:
            return False
        self._times.append(now)
        return True

    def acquire(self) -> None:
        """Take a call now, or fail."""
        if not self.try_acquire():
            raise TooManyCalls(f"{self._calls} in {self._seconds:g} s")

    def wait(self) -> int:
        """Take a call as soon as the limit allows; how often we had to sleep."""
        naps = 0
        while not self.try_acquire():
            time.sleep(max(0.001, self._times[0] + self._seconds - time.monotonic()))
            naps += 1
        return naps
