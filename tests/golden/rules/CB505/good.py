import os

import pytest

"""PYTEST_XDIST_WORKER is set by xdist."""


@pytest.fixture(scope="session")
def database(worker_id):
    return "test_" + worker_id


def test_it():
    assert os.environ.get("PYTEST_XDIST_WORKER") is None
