import os
from pathlib import Path


def test_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert os.listdir(".") == []


def test_private(tmp_path):
    assert list(tmp_path.iterdir()) == []


def test_data():
    assert len(list((Path(__file__).parent / "data").iterdir())) >= 0
