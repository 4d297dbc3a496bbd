"""Vouchers, in the style of the team that wrote them first."""

import unittest
from datetime import date

from shop.vouchers import Voucher


class VoucherTest(unittest.TestCase):
    def setUp(self):
        march = {"first_day": date(2024, 3, 1), "last_day": date(2024, 3, 31)}
        self.spring = Voucher("SPRING", percent=10, **march)

    def test_valid_on_first_and_last_day(self):
        self.assertTrue(self.spring.valid_on(date(2024, 3, 1)))
        self.assertTrue(self.spring.valid_on(date(2024, 3, 31)))

    def test_not_valid_before_or_after(self):
        self.assertFalse(self.spring.valid_on(date(2024, 2, 29)))
        self.assertFalse(self.spring.valid_on(date(2024, 4, 1)))

    def test_percentage(self):
        self.assertEqual(self.spring.reduction(1999), 200)

    def test_amount_never_exceeds_goods(self):
        self.assertEqual(Voucher("GIFT", amount=500).reduction(300), 300)

    def test_either_percentage_or_amount(self):
        for both in ({}, {"percent": 5, "amount": 5}):
            with self.assertRaises(ValueError):
                Voucher("ODD", **both)
