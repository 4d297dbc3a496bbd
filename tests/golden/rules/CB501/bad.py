import os
from pathlib import Path

import pytest

NAMES = {"ada", "grace"}


@pytest.mark.parametrize("name", {"ada", "grace"})  # CB501
def test_set(name):
    assert name


@pytest.mark.parametrize("name", NAMES)  # CB501
def test_constant(name):
    assert name


@pytest.mark.parametrize("name", list(set(["a", "b"])))  # CB501
def test_list_of_set(name):
    assert name


@pytest.mark.parametrize("path", Path("data").glob("*.json"))  # CB501
def test_glob(path):
    assert path


@pytest.mark.parametrize("name", [n for n in os.listdir("data") if n])  # CB501
def test_listdir(name):
    assert name


@pytest.fixture(params={"a", "b"})  # CB501
def letter(request):
    return request.param
