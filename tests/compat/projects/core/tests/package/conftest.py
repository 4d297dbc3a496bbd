import pytest


@pytest.fixture
def inner():
    return "inner"
