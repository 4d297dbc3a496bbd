from unittest.mock import MagicMock, PropertyMock, patch

from shop.orders import Order


def test_mock_has_a_class_of_its_own():
    order = MagicMock()
    type(order).status = PropertyMock(return_value="paid")


def test_argument(mock_order):
    type(mock_order).status = PropertyMock(return_value="paid")


def test_with():
    with patch.object(Order, "status", new_callable=PropertyMock):
        pass
