from unittest.mock import Mock

import pytest

only_once = Mock()


@pytest.fixture
def mailer():
    return Mock()


def test_a(mailer):
    mailer.send("x")
    mailer.send.assert_called_once()


def test_b():
    only_once.send("x")
