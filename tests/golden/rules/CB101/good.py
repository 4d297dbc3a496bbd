import pytest

CALLS = []
NAMES = ["ada", "grace"]
CACHE = {}
LOG = []
SETTINGS = {"debug": False}


@pytest.fixture(autouse=True)
def fresh_calls():
    CALLS.clear()


def test_calls():
    CALLS.append(1)
    assert CALLS == [1]


def test_no_calls():
    assert not CALLS


def test_reads_only():
    assert sorted(NAMES) == ["ada", "grace"]


def test_local_of_the_same_name():
    NAMES = []
    NAMES.append("alan")
    assert NAMES == ["alan"]


def test_patched(monkeypatch):
    monkeypatch.setitem(CACHE, "a", 1)
    assert CACHE == {"a": 1}


def test_patched_again():
    assert CACHE == {}


@pytest.fixture
def log():
    yield LOG
    LOG.clear()


def test_logs(log):
    LOG.append("x")
    assert LOG == ["x"]


def test_restores():
    SETTINGS["debug"] = True
    try:
        assert SETTINGS["debug"]
    finally:
        SETTINGS["debug"] = False


def test_sees_default():
    assert SETTINGS == {"debug": False}
