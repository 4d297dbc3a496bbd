import subprocess

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with FileLock(tmp_path_factory.getbasetemp().parent / "server.lock"):
        yield subprocess.Popen(["serve"])


@pytest.fixture(scope="session")
def per_worker(worker_id):
    yield subprocess.Popen(["serve", worker_id])


@pytest.fixture
def mine():
    with subprocess.Popen(["serve"]) as process:
        yield process


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("x")
    (path / "a").write_text("x")
    return path
