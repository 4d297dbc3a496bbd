import os


def test_pool(make_pool):
    assert make_pool(4).size == 4


def test_skips():
    if os.cpu_count() < 2:
        return
