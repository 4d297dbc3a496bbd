from pathlib import Path

import pytest


@pytest.fixture
def clean():
    Path("/tmp/shop.csv").unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def private(tmp_path):
    (tmp_path / "shop.csv").write_text("")
