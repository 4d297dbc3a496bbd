from unittest.mock import patch

import pytest
import requests


@patch("requests.get")
def test_mocked(get):
    requests.get("https://api.bank.com/rates")


def test_local(server):
    requests.get("http://localhost:8000/")
    requests.get(server.url)


def test_requests_mock(requests_mock):
    requests.get("https://api.bank.com/rates")


def test_refused():
    with pytest.raises(ValueError):
        requests.get("https://api.bank.com/rates")
