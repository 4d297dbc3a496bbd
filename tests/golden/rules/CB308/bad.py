import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.getbasetemp().parent / "cache"  # CB308


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "folder"  # CB308
