from unittest.mock import MagicMock, Mock

import pytest

mailer = Mock()  # CB403


@pytest.fixture(scope="module")
def printer():  # CB403
    return MagicMock()


def test_a(printer):
    mailer.send("x")
    mailer.send.assert_called_once()


def test_b():
    mailer.send("y")
    mailer.send.assert_called_once()
