"""The cache of computed values."""

import time

import pytest

from shop.cache import ExpiringCache


class Counter:
    """Computes 1, 2, 3, ..."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.calls


def test_computes_once():
    cache, counter = ExpiringCache(ttl=60), Counter()
    assert [cache.get("a", counter) for _ in range(3)] == [1, 1, 1]


def test_forget():
    cache, counter = ExpiringCache(ttl=60), Counter()
    cache.get("a", counter)
    cache.forget("a")
    assert cache.get("a", counter) == 2


def test_oldest_makes_room():
    cache, counter = ExpiringCache(ttl=60, size=2), Counter()
    for key in "abc":
        cache.get(key, counter)
    assert len(cache) == 2
    assert cache.get("a", counter) == 4


@pytest.mark.parametrize("ttl", [0.1, 0.3])
def test_value_expires(ttl):
    cache, counter = ExpiringCache(ttl), Counter()
    cache.get("a", counter)
    time.sleep(ttl + 0.05)
    assert cache.get("a", counter) == 2


def test_purge_drops_what_expired():
    cache, counter = ExpiringCache(ttl=0.2), Counter()
    cache.get("a", counter)
    cache.get("b", counter)
    time.sleep(0.25)
    assert cache.purge() == 2
    assert len(cache) == 0


def test_stays_expired_until_asked():
    cache, counter = ExpiringCache(ttl=0.5), Counter()
    cache.get("rate", counter)
    time.sleep(1.05)
    assert len(cache) == 1
    assert cache.get("rate", counter) == 2
