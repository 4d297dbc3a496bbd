import threading
import unittest
from unittest import mock
from unittest.mock import patch

import pytest
from shop import exchange


def test_with():
    with patch.object(exchange, "fetch_rate", return_value=2):
        assert exchange.fetch_rate() == 2


def test_finally():
    rate = patch.object(exchange, "fetch_rate")
    rate.start()
    try:
        assert True
    finally:
        rate.stop()


class TestMail(unittest.TestCase):
    def setUp(self):
        self.patcher = mock.patch("shop.mail.send")
        self.send = self.patcher.start()
        self.addCleanup(self.patcher.stop)


class TestTearDown(unittest.TestCase):
    def setUp(self):
        self.patcher = mock.patch("shop.mail.send")
        self.patcher.start()

    def tearDown(self):
        self.patcher.stop()


class TestStopAll(unittest.TestCase):
    def setUp(self):
        mock.patch("shop.mail.send").start()
        self.addCleanup(mock.patch.stopall)


@pytest.fixture
def send():
    patcher = patch("shop.mail.send")
    yield patcher.start()
    patcher.stop()


def test_thread():
    thread = threading.Thread()
    thread.start()
    thread.join()
