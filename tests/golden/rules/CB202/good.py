import os
from pathlib import Path

import pytest


def test_private(tmp_path):
    (tmp_path / "out.txt").write_text("x")


def test_in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("out.txt").write_text("x")


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_fixture(workdir):
    os.mkdir("output")


def test_click(runner):
    with runner.isolated_filesystem():
        open("in.txt", "w").close()


def test_plugin(pytester):
    Path("test_x.py").write_text("")


def test_reads():
    assert open("README.md").read()


def test_name(path="out.txt"):
    assert path
