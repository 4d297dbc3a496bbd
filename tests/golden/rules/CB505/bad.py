import os

DATABASE = "test_" + os.environ.get("PYTEST_XDIST_WORKER", "main")  # CB505
WORKER = os.environ["PYTEST_XDIST_WORKER"]  # CB505


def test_it():
    assert DATABASE
