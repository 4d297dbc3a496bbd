import pytest
from hypothesis import HealthCheck, event, example, given, settings, strategies


@pytest.mark.parametrize("number", range(6))
@given(values=strategies.lists(strategies.integers()))
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_sorted_twice(number, values):
    event("empty" if not values else "filled")
    assert sorted(sorted(values)) == sorted(values)


@given(strategies.integers())
@example(1000)
@settings(max_examples=50, suppress_health_check=list(HealthCheck), print_blob=True)
def test_falsified(number):
    assert number < 1000


@given(strategies.text())
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_round_trip(text):
    assert text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass") == text


@pytest.mark.parametrize("number", range(6))
def test_plain(number):
    pass
