import pytest

client = None


@pytest.fixture
def connect():
    global client
    client = object()


def test_first(connect):
    assert client


def test_second():  # CB307
    assert client
