import os
import shutil
from pathlib import Path

DATA = Path(__file__).parent / "data" / "prices.json"


def test_new_price():
    original = DATA.read_text()
    DATA.write_text("{}")  # CB203
    try:
        assert True
    finally:
        DATA.write_text(original)  # CB203


def test_copy_back():
    shutil.copy("x", os.path.join(os.path.dirname(__file__), "fixtures", "x"))  # CB203
