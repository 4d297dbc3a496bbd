import os
from pathlib import Path


def test_config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (Path.home() / ".shoprc").write_text("x")


def test_reads():
    assert Path.home().exists()
    assert os.path.expanduser("~/x")
