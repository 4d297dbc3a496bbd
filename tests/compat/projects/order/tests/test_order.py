import time

import pytest

done = []


@pytest.mark.order("last")
def test_last():
    pass


@pytest.mark.order(2)
def test_second():
    assert "third" not in done


@pytest.mark.order(1)
def test_first():
    assert "second" not in done


@pytest.mark.order(after="test_dependency")
def test_dependent():
    assert done in ([], ["dependency"])


def test_dependency():
    time.sleep(0.1)
    done.append("dependency")


@pytest.mark.parametrize("number", range(12))
def test_unordered(number):
    time.sleep(0.01 * (number % 4))
