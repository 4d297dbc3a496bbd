"""The shopping cart."""

import pytest

from shop.cart import Cart
from shop.catalogue import Catalogue
from shop.vouchers import Voucher


@pytest.fixture
def cart(products):
    return Cart(Catalogue(products))


def test_empty_cart_costs_nothing(cart):
    assert cart.total() == 0


def test_quantities_add_up(cart):
    cart.put("MUG")
    cart.put("MUG", 2)
    assert cart.lines == {"MUG": 3}


def test_take_out_some(cart):
    cart.put("MUG", 3)
    cart.take_out("MUG", 2)
    assert cart.lines == {"MUG": 1}


def test_take_out_too_many(cart):
    with pytest.raises(ValueError, match="does not hold 1 of MUG"):
        cart.take_out("MUG")


def test_quantity_is_positive(cart):
    with pytest.raises(ValueError):
        cart.put("MUG", 0)


def test_small_orders_pay_shipping(cart):
    cart.put("MUG")
    assert cart.total() == 750 + 490


def test_large_orders_ship_free(cart):
    cart.put("PEN", 3)
    assert cart.total() == 3 * 2490


def test_ten_pieces_are_cheaper(cart):
    cart.put("MUG", 10)
    assert cart.goods() == 7125


def test_voucher_does_not_reduce_shipping(cart):
    cart.put("MUG")
    assert cart.total(Voucher("GIFT", amount=5000)) == 490
