"""A supplier's upload becomes a catalogue."""

from pathlib import Path

import pytest

from shop.catalogue import import_price_list

UPLOAD = Path(__file__).parent / "data" / "price_list.json"


def test_reads_all_rows():
    assert len(import_price_list(UPLOAD, settle=0.2)) == 4


def test_stock_value():
    assert import_price_list(UPLOAD, settle=0.2).stock_value() == 193920


def test_missing_upload(tmp_path):
    with pytest.raises(FileNotFoundError):
        import_price_list(tmp_path / "nothing.json")


def test_broken_price(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text('[{"sku": "MUG", "name": "Coffee mug", "price": "free"}]')
    with pytest.raises(ValueError, match="free"):
        import_price_list(path, settle=0.1)
