import glob
import os
import tempfile
from pathlib import Path


def test_clean():
    assert os.listdir(".") == ["setup.py"]  # CB217


def test_temporary():
    before = os.listdir(tempfile.gettempdir())  # CB217
    assert before


def test_pattern():
    assert glob.glob("*.log") == []  # CB217


def test_path():
    assert not list(Path("/tmp").glob("shop-*"))  # CB217
