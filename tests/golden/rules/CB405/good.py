import httpretty
import responses
from freezegun import freeze_time


@freeze_time("2024-01-01")
def test_decorated():
    assert True


def test_with():
    with freeze_time("2024-01-01"):
        assert True


def test_stopped():
    freezer = freeze_time("2024-01-01")
    freezer.start()
    try:
        assert True
    finally:
        freezer.stop()


@responses.activate
def test_http():
    responses.add("GET", "http://x")


def test_pretty():
    httpretty.enable()
    try:
        assert True
    finally:
        httpretty.disable()
