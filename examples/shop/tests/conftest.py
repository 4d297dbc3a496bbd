"""Fixtures that every test gets a fresh copy of."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import pytest

from shop.api import ApiServer, serving
from shop.catalogue import Product
from shop.client import Client
from shop.invoices import Invoice, InvoiceLine
from shop.orders import OrderService
from shop.payments import SandboxGateway
from shop.store import Store

PRODUCTS = (
    Product("BAG", "Canvas bag", 1200, 25),
    Product("MUG", "Coffee mug", 750, 40),
    Product("PEN", "Fountain pen", 2490, 8),
)


@pytest.fixture
def products() -> list[Product]:
    return list(PRODUCTS)


@pytest.fixture
def store(tmp_path: Path, products: list[Product]) -> Iterator[Store]:
    with Store(tmp_path / "shop.db") as store:
        store.add_products(products)
        yield store


@pytest.fixture
def gateway() -> SandboxGateway:
    return SandboxGateway(latency=0.08)


@pytest.fixture
def service(store: Store, gateway: SandboxGateway) -> OrderService:
    return OrderService(store, gateway)


@pytest.fixture
def client(store: Store, gateway: SandboxGateway) -> Iterator[Client]:
    with serving(ApiServer(store, gateway)) as server:
        yield Client(server.server_port)


@pytest.fixture
def make_invoice() -> Callable[..., Invoice]:
    def make(number: str = "T-2024-0001", customer: str = "Ada", price: int = 1190) -> Invoice:
        return Invoice(number, customer, (InvoiceLine("Coffee mug", 2, price),))

    return make
