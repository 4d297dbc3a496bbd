import pytest


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_sorting(benchmark, size, record_property):
    calls = []
    result = benchmark(lambda: calls.append(1) or sorted(range(size)))
    assert result == list(range(size))
    record_property("calls", "one" if len(calls) == 1 else "many")
    record_property("disabled", benchmark.disabled)


@pytest.mark.parametrize("number", range(8))
def test_without(number):
    pass


def test_pedantic(benchmark):
    assert benchmark.pedantic(lambda: 3, rounds=2, iterations=2) == 3
