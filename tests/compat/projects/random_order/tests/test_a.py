import pytest


@pytest.mark.parametrize("number", range(5))
def test_number(number):
    assert number < 5


class TestSteps:
    def test_first(self):
        pass

    def test_second(self):
        pass


@pytest.mark.random_order(disabled=True)
class TestInOrder:
    seen = []

    def test_before(self):
        self.seen.append("before")

    def test_after(self):
        assert len(self.seen) <= 1
