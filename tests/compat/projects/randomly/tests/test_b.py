import random

import pytest

pytestmark = pytest.mark.parametrize("number", range(6))


@pytest.fixture(scope="module")
def drawn_in_a_fixture():
    return random.randrange(10**9)


def test_draw(number, record_property):
    record_property("draw", random.randrange(10**9))


def test_fixture_draw(number, drawn_in_a_fixture, record_property):
    record_property("draw", drawn_in_a_fixture)
