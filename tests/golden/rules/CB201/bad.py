import os
import tempfile
from pathlib import Path

REPORT = "/tmp/report.csv"


def test_open():
    with open("/tmp/out.txt", "w") as file:  # CB201
        file.write("x")


def test_constant():
    Path(REPORT).write_text("x")  # CB201


def test_joined():
    os.makedirs(os.path.join(tempfile.gettempdir(), "shop"))  # CB201


def test_divided():
    path = Path(tempfile.gettempdir()) / "shop.csv"
    path.touch()  # CB201


def test_shared_memory_folder():
    open("/dev/shm/block", mode="wb").close()  # CB201
