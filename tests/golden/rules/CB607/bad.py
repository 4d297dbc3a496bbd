import timeit


def test_speed(benchmark):  # CB607
    benchmark(len, "x")


def test_timeit():
    assert timeit.timeit("1 + 1", number=10) < 1  # CB607
