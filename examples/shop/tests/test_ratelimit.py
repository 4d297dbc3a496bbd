"""Not more than so many calls."""

import pytest

from shop.ratelimit import RateLimiter, TooManyCalls


def test_up_to_the_limit():
    limiter = RateLimiter(calls=3, seconds=3600)
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]


def test_too_many():
    limiter = RateLimiter(calls=1, seconds=3600)
    limiter.acquire()
    with pytest.raises(TooManyCalls, match="1 in 3600 s"):
        limiter.acquire()


@pytest.mark.parametrize("calls, seconds", [(0, 1), (1, 0)])
def test_senseless_limits(calls, seconds):
    with pytest.raises(ValueError):
        RateLimiter(calls, seconds)


def test_waits_for_a_free_place():
    limiter = RateLimiter(calls=1, seconds=0.3)
    limiter.acquire()
    assert limiter.wait() >= 1


def test_burst_is_spread():
    limiter = RateLimiter(calls=2, seconds=0.5)
    assert sum(limiter.wait() for _ in range(6)) >= 2
