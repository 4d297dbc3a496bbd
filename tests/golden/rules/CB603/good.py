from datetime import date, datetime


def test_before(order):
    assert order.created <= datetime.now()


def test_constant(order):
    assert order.day == date(2024, 3, 1)
