import sys

import pytest
from shop import registry


@pytest.fixture
def path():
    saved = list(sys.path)
    yield
    sys.path = saved  # CB309


@pytest.fixture
def handlers():
    saved = registry.HANDLERS.copy()
    yield
    registry.HANDLERS = saved  # CB309
