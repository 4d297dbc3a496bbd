import importlib
import sys

import shop


def test_path(tmp_path):
    sys.path.insert(0, str(tmp_path))  # CB107


def test_module():
    sys.modules["shop.api"] = None  # CB107


def test_reload():
    importlib.reload(shop)  # CB107
