import os
from pathlib import Path

HERE = Path(__file__).parent


def test_open():
    with open("out.txt", "w") as file:  # CB202
        file.write("x")


def test_beside_source():
    (HERE / "out.json").write_text("{}")  # CB202


def test_folder():
    os.mkdir("output")  # CB202
