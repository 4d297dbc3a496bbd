import os
import subprocess

import pytest

MODE = os.environ.get("MODE")
needs_git = pytest.mark.skipif(subprocess.call(["git", "--version"]) != 0, reason="no git")


@pytest.fixture
def mode(monkeypatch):
    monkeypatch.setenv("MODE", "test")


start = lambda: os.makedirs("x")

if __name__ == "__main__":
    os.makedirs("output")
