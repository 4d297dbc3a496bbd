import os
from pathlib import Path

import pytest

NAMES = ["ada", "grace"]


@pytest.mark.parametrize("name", NAMES)
def test_list(name):
    assert name


@pytest.mark.parametrize("name", sorted({"ada", "grace"}))
def test_sorted(name):
    assert name


@pytest.mark.parametrize("number", {1, 2, 3})
def test_numbers(number):
    assert number


@pytest.mark.parametrize("path", sorted(Path("data").glob("*.json")))
def test_glob(path):
    assert path


@pytest.mark.parametrize("values", [{"a", "b"}, set()])
def test_each_is_a_set(values):
    assert values is not None


@pytest.mark.parametrize("name", sorted(os.listdir(".")))
def test_listdir(name):
    assert name


@pytest.mark.parametrize("pair", {"a": 1}.items())
def test_dict(pair):
    assert pair
