"""The supplier uploads a new price list."""

from pathlib import Path

from shop.catalogue import import_price_list

UPLOAD = Path(__file__).parent / "data" / "price_list.json"


def test_old_price():
    assert import_price_list(UPLOAD, settle=0.2).find("MUG").price == 750


def test_new_price():
    original = UPLOAD.read_text()
    UPLOAD.write_text(original.replace('"7.50"', '"8.00"'))
    try:
        assert import_price_list(UPLOAD, settle=0.4).find("MUG").price == 800
    finally:
        UPLOAD.write_text(original)
