"""An order's life: new, paid, shipped, refunded."""

from __future__ import annotations

from dataclasses import dataclass

from shop.cart import Cart
from shop.payments import GatewayBusy, SandboxGateway
from shop.retry import retry
from shop.store import Store

NEXT = {"new": ("paid",), "paid": ("shipped", "refunded"), "shipped": ("refunded",), "refunded": ()}


class UnknownOrder(KeyError):
    """No order has this number."""


class WrongStatus(Exception):
    """The order is not at the point where this can happen."""


@dataclass(frozen=True)
class Order:
    id: int
    customer: str
    total: int
    status: str
    payment: str | None
    lines: dict[str, int]


class OrderService:
    """Moves orders along, with the money that belongs to each step."""

    def __init__(self, store: Store, gateway: SandboxGateway, first_wait: float = 0.1) -> None:
        self._store = store
        self._gateway = gateway
        self._first_wait = first_wait

    def place(self, customer: str, lines: dict[str, int]) -> Order:
        if not lines:
            raise ValueError("an order needs at least one line")
        cart = Cart(self._store.catalogue())
        for sku, quantity in lines.items():
            cart.put(sku, quantity)
        return self.get(self._store.add_order(customer, cart.lines, cart.total()))

    def get(self, order_id: int) -> Order:
        row = self._store.order(order_id)
        if row is None:
            raise UnknownOrder(order_id)
        return Order(**row, lines=self._store.order_lines(order_id))

    def pay(self, order_id: int, card: str) -> Order:
        order = self._expect(order_id, "paid")
        reference = retry(
            lambda: self._gateway.charge(card, order.total),
            on=GatewayBusy,
            first=self._first_wait,
        )
        self._store.set_status(order_id, "paid", reference)
        return self.get(order_id)

    def ship(self, order_id: int) -> Order:
        self._expect(order_id, "shipped")
        self._store.set_status(order_id, "shipped")
        return self.get(order_id)

    def refund(self, order_id: int) -> Order:
        order = self._expect(order_id, "refunded")
        self._gateway.refund(order.payment or "")
        for sku, quantity in order.lines.items():
            self._store.restock(sku, quantity)
        self._store.set_status(order_id, "refunded")
        return self.get(order_id)

    def _expect(self, order_id: int, step: str) -> Order:
        order = self.get(order_id)
        if step not in NEXT[order.status]:
            raise WrongStatus(f"order {order_id} is {order.status}, it cannot be {step}")
        return order
