import random
import tempfile
import time
import uuid
from datetime import date

import pytest


@pytest.mark.parametrize("day", [str(date.today())])  # CB508
def test_day(day):
    assert day


@pytest.mark.parametrize("key", [uuid.uuid4().hex])  # CB508
def test_key(key):
    assert key


@pytest.mark.parametrize("now, x", [(time.time(), 1)])  # CB508
def test_now(now, x):
    assert now


@pytest.mark.parametrize("n", [random.randint(1, 9)])  # CB508
def test_number(n):
    assert n


@pytest.mark.parametrize("text", [time.strftime("%H:%M:%S")])  # CB508
def test_text(text):
    assert text


@pytest.mark.parametrize("folder", [tempfile.mkdtemp()])  # CB508
def test_folder(folder):
    assert folder
