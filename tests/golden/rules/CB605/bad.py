import os


def test_pool(pool):
    assert pool.size == os.cpu_count()  # CB605
