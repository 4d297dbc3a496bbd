"""Run by name only: kills its process."""

import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range(8))
def test_stable(number):
    pass


def test_crashes_once():
    crashed = Path(__file__).with_suffix(".crashed")
    if not crashed.exists():
        crashed.touch()
        os.abort()


def test_crashes_always():
    os.abort()
