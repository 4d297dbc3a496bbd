import os

import pytest
import requests

MODE = os.environ.get("MODE")


@pytest.fixture
def cities():
    return requests.get("https://example.org/cities").json()


@pytest.mark.parametrize("mode", ["a", "b"])
def test_mode(mode):
    assert mode


@pytest.mark.skipif(os.environ.get("CI") is None, reason="not in CI")
def test_ci():
    assert MODE


@pytest.mark.parametrize("password", ["a", os.environ.get("PASSWORD")])
def test_password(password):
    assert True
