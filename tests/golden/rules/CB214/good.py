import os

import pytest


@pytest.fixture
def private():
    old = os.umask(0o077)
    yield
    os.umask(old)


def test_mode():
    old = os.umask(0)
    try:
        assert old
    finally:
        os.umask(old)
