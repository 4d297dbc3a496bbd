import requests
from urllib.request import urlopen


def test_rates():
    assert requests.get("https://api.bank.com/rates").ok  # CB215


def test_page():
    assert urlopen("http://www.python.org/").status == 200  # CB215
