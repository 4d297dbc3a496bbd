import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    root = tmp_path_factory.getbasetemp().parent
    with FileLock(root / "cache.lock"):
        return root / "cache"


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("folder")
