import shutil
from pathlib import Path

import pytest


def teardown_module():
    shutil.rmtree("output")  # CB304


@pytest.fixture
def cache():
    yield
    shutil.rmtree(Path(__file__).parent / "cache")  # CB304


@pytest.fixture
def store(redis):
    yield redis
    redis.flushall()  # CB304
