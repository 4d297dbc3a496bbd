import random
import time
import uuid
from datetime import date

import pytest


@pytest.mark.parametrize("day", [date(2024, 3, 1)])
def test_day(day):
    assert day


@pytest.mark.parametrize("make", [lambda: uuid.uuid4()])
def test_made_in_the_test(make):
    assert make()


@pytest.mark.parametrize("day", [date.today()], ids=["today"])
def test_named(day):
    assert day


@pytest.mark.parametrize("n", random.Random(1).sample(range(9), 3))
def test_own_generator(n):
    assert n >= 0


@pytest.mark.parametrize("value", [uuid.uuid4(), date.today().replace(day=1)])
def test_objects_have_plain_ids(value):
    assert value


@pytest.mark.parametrize("day", [pytest.param(str(date.today()), id="today")])
def test_named_one_by_one(day):
    assert day


@pytest.mark.parametrize("text", [time.strftime("%H:%M", time.gmtime(0))])
def test_time_that_is_given(text):
    assert text
