import pytest


@pytest.fixture(scope="session")
def settings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODE", "test")
        yield


@pytest.fixture(scope="session")
def undone():
    patch = pytest.MonkeyPatch()
    yield patch
    patch.undo()


def test_fixture(monkeypatch):
    monkeypatch.setenv("A", "b")
