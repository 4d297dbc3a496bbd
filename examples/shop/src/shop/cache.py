"""Values that are good for a while."""

from __future__ import annotations

import time
from typing import Callable, Generic, TypeVar

V = TypeVar("V")


class ExpiringCache(Generic[V]):
    """Keeps a computed value for `ttl` seconds, and at most `size` of them."""

    def __init__(self, ttl: float, size: int = 128) -> None:
        self._ttl = ttl
        self._size = size
        self._entries: dict[str, tuple[float, V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, compute: Callable[[], V]) -> V:
        entry = self._entries.get(key)
        if entry and time.monotonic() < entry[0]:
            return entry[1]
        value = compute()
        self._make_room(key)
        self._entries[key] = (time.monotonic() + self._ttl, value)
        return value

    def forget(self, key: str) -> None:
        self._entries.pop(key, None)

    def purge(self) -> int:
        """Drop what has expired; how many that were."""
        now = time.monotonic()
        stale = [key for key, (until, _) in self._entries.items() if until <= now]
        for key in stale:
            del self._entries[key]
        return len(stale)

    def _make_room(self, key: str) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
