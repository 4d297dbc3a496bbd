import os
from pathlib import Path


def test_config():
    (Path.home() / ".shoprc").write_text("x")  # CB210


def test_cache():
    os.makedirs(os.path.expanduser("~/.cache/shop"))  # CB210
