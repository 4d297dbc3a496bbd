"""The shopping cart."""

from __future__ import annotations

from shop.catalogue import Catalogue
from shop.money import percentage
from shop.vouchers import Voucher

FREE_SHIPPING_FROM = 5000
SHIPPING = 490
BULK_FROM = 10
BULK_PERCENT = 5


class Cart:
    """Quantities by article number; prices come from the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._quantities: dict[str, int] = {}

    @property
    def lines(self) -> dict[str, int]:
        return dict(self._quantities)

    def put(self, sku: str, quantity: int = 1) -> None:
        if quantity < 1:
            raise ValueError("a quantity is at least 1")
        self._catalogue.find(sku)
        self._quantities[sku] = self._quantities.get(sku, 0) + quantity

    def take_out(self, sku: str, quantity: int = 1) -> None:
        left = self._quantities.get(sku, 0) - quantity
        if left < 0:
            raise ValueError(f"the cart does not hold {quantity} of {sku}")
        if left:
            self._quantities[sku] = left
        else:
            self._quantities.pop(sku, None)

    def goods(self) -> int:
        return sum(self._line_total(sku, n) for sku, n in self._quantities.items())

    def shipping(self) -> int:
        return 0 if not self._quantities or self.goods() >= FREE_SHIPPING_FROM else SHIPPING

    def total(self, voucher: Voucher | None = None) -> int:
        goods = self.goods()
        reduction = voucher.reduction(goods) if voucher else 0
        return goods - reduction + self.shipping()

    def _line_total(self, sku: str, quantity: int) -> int:
        full = self._catalogue.find(sku).price * quantity
        return full - percentage(full, BULK_PERCENT) if quantity >= BULK_FROM else full
