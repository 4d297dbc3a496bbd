import httpretty
import responses
from freezegun import freeze_time


def test_new_year():
    freezer = freeze_time("2024-01-01")
    freezer.start()  # CB405


def test_http():
    responses.start()  # CB405


def test_pretty():
    httpretty.enable()  # CB405
