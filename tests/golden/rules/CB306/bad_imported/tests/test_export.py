import pytest
from shop.export import DEFAULT_EXPORT


@pytest.fixture(autouse=True)
def no_file_from_yesterday():
    DEFAULT_EXPORT.unlink(missing_ok=True)  # CB306
