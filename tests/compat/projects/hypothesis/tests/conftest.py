"""Gives each test a duration, so that two workers share them."""

import time

import pytest


@pytest.fixture(autouse=True)
def duration():
    time.sleep(0.03)
