import unittest
from unittest import mock
from unittest.mock import patch

from shop import exchange


def test_rate():
    rate = patch.object(exchange, "fetch_rate", return_value=2)
    rate.start()  # CB401
    assert exchange.fetch_rate() == 2


def test_chained():
    patch("shop.exchange.fetch_rate").start()  # CB401


class TestMail(unittest.TestCase):
    def setUp(self):
        self.patcher = mock.patch("shop.mail.send")
        self.send = self.patcher.start()  # CB401

    def test_send(self):
        assert self.send
