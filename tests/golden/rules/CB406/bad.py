import pytest
from _pytest.monkeypatch import MonkeyPatch


@pytest.fixture(scope="session")
def settings():
    patch = pytest.MonkeyPatch()  # CB406
    patch.setenv("MODE", "test")


def test_other():
    MonkeyPatch().setenv("A", "b")  # CB406
