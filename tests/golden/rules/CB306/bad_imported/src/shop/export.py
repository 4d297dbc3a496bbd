from pathlib import Path

DEFAULT_EXPORT = Path("/tmp/shop-invoices.csv")
