from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean():
    Path("/tmp/shop.csv").unlink(missing_ok=True)  # CB306
