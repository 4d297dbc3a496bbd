# file: src/shop/export.py
from pathlib import Path

DEFAULT_EXPORT = Path("/tmp/shop-invoices.csv")  # CB201


def write(rows, path=DEFAULT_EXPORT):
    path.write_text(rows)
