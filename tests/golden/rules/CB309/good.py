import sys

import pytest
from shop import registry


@pytest.fixture
def path():
    saved = list(sys.path)
    yield
    sys.path[:] = saved


@pytest.fixture
def limit():
    saved = registry.LIMIT
    yield
    registry.LIMIT = saved
