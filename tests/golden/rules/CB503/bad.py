import os

import pytest
import requests

CITIES = requests.get("https://example.org/cities").json()  # CB503


@pytest.mark.parametrize("city", CITIES)
def test_city(city):
    assert city


@pytest.mark.parametrize("mode", os.environ.get("MODES", "a,b").split(","))  # CB503
def test_mode(mode):
    assert mode
