import pytest

client = None
other = None


@pytest.fixture
def connect():
    global client
    client = object()


@pytest.fixture(autouse=True)
def always():
    global other
    other = object()


def test_first(connect):
    assert client


@pytest.mark.usefixtures("connect")
def test_marked():
    assert client


def test_other():
    assert other
