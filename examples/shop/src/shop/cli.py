"""The `shop` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

from shop import __version__, exchange
from shop.catalogue import UnknownProduct, load_price_list
from shop.money import format_price
from shop.orders import OrderService, UnknownOrder, WrongStatus
from shop.payments import Declined, SandboxGateway
from shop.store import OutOfStock, Store

FAILURES = (UnknownProduct, UnknownOrder, WrongStatus, OutOfStock, Declined, ValueError, OSError)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="shop", description="Run a small shop from the terminal.")
    top.add_argument("--version", action="version", version=f"shop {__version__}")
    top.add_argument("--db", default="shop.db", help="the database file")
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("load", help="add a price list").add_argument("file", type=Path)
    verbs.add_parser("list", help="show the products").add_argument("--currency", default="EUR")
    order = verbs.add_parser("order", help="place an order")
    order.add_argument("customer")
    order.add_argument("lines", nargs="+", metavar="SKU=N")
    pay = verbs.add_parser("pay", help="pay an order")
    pay.add_argument("id", type=int)
    pay.add_argument("--card", default="4242-4242")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    try:
        with Store(args.db) as store:
            print(VERBS[args.verb](store, args))
    except FAILURES as error:
        print(f"shop: {error}", file=sys.stderr)
        return 1
    return 0


def load(store: Store, args: argparse.Namespace) -> str:
    products = load_price_list(args.file)
    store.add_products(products)
    return f"{len(products)} products loaded"


def show(store: Store, args: argparse.Namespace) -> str:
    tags = [(p, exchange.price_tag(p.price, args.currency)) for p in store.catalogue().all()]
    return "\n".join(f"{product.sku}  {product.name}  {tag}" for product, tag in tags)


def order(store: Store, args: argparse.Namespace) -> str:
    lines = {sku: int(count or 1) for sku, _, count in (line.partition("=") for line in args.lines)}
    placed = OrderService(store, SandboxGateway()).place(args.customer, lines)
    return f"order {placed.id}: {format_price(placed.total)}"


def pay(store: Store, args: argparse.Namespace) -> str:
    paid = OrderService(store, SandboxGateway()).pay(args.id, args.card)
    return f"order {paid.id} is {paid.status}"


VERBS = {"load": load, "list": show, "order": order, "pay": pay}
