"""Invoice numbers."""

import os

import pytest

from shop.invoices import InvoiceNumbers


def test_default_prefix():
    assert InvoiceNumbers(2024).next() == "INV-2024-0001"


def test_numbers_are_consecutive():
    numbers = InvoiceNumbers(2024, "T")
    assert [numbers.next() for _ in range(3)] == ["T-2024-0001", "T-2024-0002", "T-2024-0003"]


@pytest.mark.parametrize("last, number", [(41, "T-2025-0042"), (9999, "T-2025-10000")])
def test_goes_on_after_the_last(last, number):
    assert InvoiceNumbers(2025, "T", last).next() == number


def test_prefix_of_the_company():
    os.environ["SHOP_INVOICE_PREFIX"] = "ACME"
    assert InvoiceNumbers(2024).next() == "ACME-2024-0001"
