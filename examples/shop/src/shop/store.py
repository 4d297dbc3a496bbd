"""Products, orders and invoices in SQLite."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any, Iterable

from shop.catalogue import Catalogue, Product, UnknownProduct

SCHEMA = """
CREATE TABLE IF NOT EXISTS product (
    sku TEXT PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0), vat TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, customer TEXT NOT NULL, total INTEGER NOT NULL,
    status TEXT NOT NULL, payment TEXT);
CREATE TABLE IF NOT EXISTS order_line (
    order_id INTEGER NOT NULL REFERENCES orders, sku TEXT NOT NULL, quantity INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS invoice (
    number TEXT PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, total INTEGER NOT NULL);
"""
TABLES = ("invoice", "order_line", "orders", "product")


class OutOfStock(Exception):
    """Fewer pieces are left than were ordered."""


class Store:
    """One database; may be used from several threads, one statement at a time."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(str(path), check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def wipe(self) -> None:
        with self._lock, self._db:
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")

    def add_products(self, products: Iterable[Product]) -> None:
        rows = [(p.sku, p.name, p.price, p.stock, p.vat) for p in products]
        with self._lock, self._db:
            self._db.executemany("INSERT INTO product VALUES (?, ?, ?, ?, ?)", rows)

    def catalogue(self) -> Catalogue:
        rows = self._rows("SELECT sku, name, price, stock, vat FROM product ORDER BY sku")
        return Catalogue(Product(*row) for row in rows)

    def stock(self, sku: str) -> int:
        row = self._row("SELECT stock FROM product WHERE sku = ?", sku)
        if row is None:
            raise UnknownProduct(sku)
        return int(row["stock"])

    def restock(self, sku: str, pieces: int) -> None:
        with self._lock, self._db:
            self._move_stock(sku, pieces)

    def add_order(self, customer: str, lines: dict[str, int], total: int) -> int:
        """Book the order and its stock in one transaction; the order's number."""
        with self._lock, self._db:
            for sku, quantity in lines.items():
                self._move_stock(sku, -quantity)
            cursor = self._db.execute(
                "INSERT INTO orders (customer, total, status) VALUES (?, ?, 'new')",
                (customer, total),
            )
            order_id = int(cursor.lastrowid or 0)
            self._db.executemany(
                "INSERT INTO order_line VALUES (?, ?, ?)",
                [(order_id, sku, quantity) for sku, quantity in lines.items()],
            )
        return order_id

    def order(self, order_id: int) -> sqlite3.Row | None:
        return self._row("SELECT * FROM orders WHERE id = ?", order_id)

    def order_lines(self, order_id: int) -> dict[str, int]:
        rows = self._rows("SELECT sku, quantity FROM order_line WHERE order_id = ?", order_id)
        return {row["sku"]: row["quantity"] for row in rows}

    def set_status(self, order_id: int, status: str, payment: str | None = None) -> None:
        self._change(
            "UPDATE orders SET status = ?, payment = coalesce(?, payment) WHERE id = ?",
            status,
            payment,
            order_id,
        )

    def add_invoice(self, number: str, order_id: int, total: int) -> None:
        self._change("INSERT INTO invoice VALUES (?, ?, ?)", number, order_id, total)

    def invoices(self) -> list[tuple[str, int, int]]:
        return [tuple(row) for row in self._rows("SELECT * FROM invoice ORDER BY number")]

    def turnover(self) -> int:
        rows = self._rows("SELECT total FROM orders WHERE status IN ('paid', 'shipped')")
        return sum(row["total"] for row in rows)

    def best_sellers(self, count: int) -> list[str]:
        rows = self._rows(
            "SELECT sku FROM order_line GROUP BY sku ORDER BY sum(quantity) DESC, sku LIMIT ?",
            count,
        )
        return [row["sku"] for row in rows]

    def _move_stock(self, sku: str, pieces: int) -> None:
        """Within a transaction of the caller."""
        sql = "UPDATE product SET stock = stock + ? WHERE sku = ?"
        try:
            moved = self._db.execute(sql, (pieces, sku)).rowcount
        except sqlite3.IntegrityError:
            raise OutOfStock(sku) from None
        if not moved:
            raise UnknownProduct(sku)

    def _change(self, sql: str, *values: Any) -> None:
        with self._lock, self._db:
            self._db.execute(sql, values)

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        rows = self._rows(sql, *values)
        return rows[0] if rows else None
