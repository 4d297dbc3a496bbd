"""What the shop sells, and how a supplier's price list gets in."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterable

from shop.money import parse_price


class UnknownProduct(KeyError):
    """No product has this article number."""


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    price: int
    stock: int = 0
    vat: str = "standard"


class Catalogue:
    """Products by article number, in the order in which they were added."""

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self._products = {product.sku: product for product in products}

    def __len__(self) -> int:
        return len(self._products)

    def all(self) -> list[Product]:
        return list(self._products.values())

    def find(self, sku: str) -> Product:
        try:
            return self._products[sku]
        except KeyError:
            raise UnknownProduct(sku) from None

    def search(self, word: str) -> list[Product]:
        wanted = word.casefold()
        return [p for p in self._products.values() if wanted in p.name.casefold()]

    def add(self, product: Product) -> None:
        if product.sku in self._products:
            raise ValueError(f"{product.sku} is already in the catalogue")
        self._products[product.sku] = product

    def change_price(self, sku: str, price: int) -> None:
        self._products[sku] = replace(self.find(sku), price=price)

    def discontinue(self, sku: str) -> None:
        del self._products[self.find(sku).sku]

    def stock_value(self) -> int:
        return sum(p.price * p.stock for p in self._products.values())


def load_price_list(path: Path) -> list[Product]:
    """The products of a supplier's JSON price list."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        Product(row["sku"], row["name"], parse_price(row["price"]), row.get("stock", 0))
        for row in rows
    ]


def wait_until_uploaded(path: Path, settle: float) -> None:
    """Suppliers upload slowly: wait until a file has not changed for a while."""
    seen = None
    while True:
        info = path.stat()
        now = (info.st_size, info.st_mtime_ns)
        if now == seen:
            return
        seen = now
        time.sleep(settle)


def import_price_list(path: Path, settle: float = 2.0) -> Catalogue:
    """A catalogue from an uploaded price list, once the upload is complete."""
    wait_until_uploaded(path, settle)
    return Catalogue(load_price_list(path))
