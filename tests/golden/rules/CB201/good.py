import os
import tempfile
import uuid
from pathlib import Path
from unittest.mock import mock_open, patch


def test_private(tmp_path):
    (tmp_path / "out.txt").write_text("x")


def test_reads():
    assert not os.path.exists("/tmp/nothing")
    assert open("/etc/hostname").read()
    assert Path("/tmp/x").name == "x"


def test_unique():
    with open(os.path.join(tempfile.gettempdir(), uuid.uuid4().hex), "w") as file:
        file.write("x")


def test_mkdtemp():
    with open(os.path.join(tempfile.mkdtemp(), "x"), "w") as file:
        file.write("x")


def test_text():
    assert "/tmp/x".replace("x", "y") == "/tmp/y"


def test_mocked():
    with patch("builtins.open", mock_open()):
        open("/tmp/x", "w")


def test_pattern(tmp_path):
    path = f"/tmp/{tmp_path.name}"
    open(path, "w").close()
