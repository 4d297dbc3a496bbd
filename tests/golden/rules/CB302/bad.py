import subprocess
from http.server import HTTPServer

import pytest


@pytest.fixture(scope="session")
def server():
    with subprocess.Popen(["serve", "8000"]) as process:  # CB302
        yield process


@pytest.fixture(scope="session")
def api():
    with HTTPServer(("", 8001), None) as server:  # CB302
        yield server


@pytest.fixture(scope="session")
def data():
    with open("/tmp/data.json", "w") as file:  # CB302
        file.write("{}")
