import subprocess

import pytest


@pytest.fixture
def server():
    process = subprocess.Popen(["serve"])
    yield process
    process.terminate()
    process.wait()


def test_output():
    process = subprocess.Popen(["echo"], stdout=subprocess.PIPE)
    out, _ = process.communicate()


def test_with():
    with subprocess.Popen(["serve"]) as process:
        process.kill()
