import subprocess


def test_server():
    subprocess.Popen(["serve"])  # CB216
    assert ask()


def test_named():
    process = subprocess.Popen(["serve"])  # CB216
    assert process.pid
