import pytest

from shop import settings


@pytest.fixture(autouse=True)
def fresh_settings():
    settings.mode.cache_clear()
    yield
    settings.mode.cache_clear()
