import logging
from logging import getLogger


def test_quiet():
    logging.disable(logging.CRITICAL)  # CB109


def test_level():
    getLogger("shop").setLevel("DEBUG")  # CB109


def test_configured():
    logging.basicConfig(level="INFO")  # CB109
