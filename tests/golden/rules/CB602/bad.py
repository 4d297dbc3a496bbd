import time
from time import perf_counter


def test_direct():
    start = time.perf_counter()
    assert time.perf_counter() - start < 0.1  # CB602


def test_named():
    start = time.time()
    elapsed = time.time() - start
    assert elapsed <= 1  # CB602


def test_reversed():
    start = perf_counter()
    elapsed = perf_counter() - start
    assert 1 > elapsed  # CB602
