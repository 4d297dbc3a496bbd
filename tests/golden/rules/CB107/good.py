import sys
from unittest.mock import patch

sys.path.insert(0, "src")


def test_path(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    sys.path.append("x")


def test_module():
    with patch.dict(sys.modules, {"shop.api": None}):
        sys.modules["shop.web"] = None


def test_reads():
    assert "shop" not in sys.modules


def test_restored():
    old = sys.path[:]
    sys.path.append("x")
    try:
        assert True
    finally:
        sys.path[:] = old
