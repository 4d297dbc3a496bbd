import socket

import pytest
from shop import money


@pytest.fixture
def short_timeout():
    old = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.1)
    yield
    socket.setdefaulttimeout(old)


def test_dollars():
    money.set_default_currency("USD")
    try:
        assert True
    finally:
        money.set_default_currency("EUR")


def test_own_object(cluster):
    cluster.set_default_node("a")
