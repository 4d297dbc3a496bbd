import socket

import pyparsing
from shop import money


def test_timeout():
    socket.setdefaulttimeout(0.1)  # CB123


def test_fast():
    pyparsing.ParserElement.enablePackrat()  # CB123


def test_dollars():
    money.set_default_currency("USD")  # CB123
