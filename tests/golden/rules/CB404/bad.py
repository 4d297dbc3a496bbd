from unittest import mock
from unittest.mock import PropertyMock


def test_status(order):
    type(order).status = PropertyMock(return_value="paid")  # CB404


def test_all_mocks():
    mock.Mock.answer = 42  # CB404
