from datetime import date, datetime


def test_stamp(stamp):
    assert stamp() == datetime.now().strftime("%H:%M")  # CB603


def test_day(order):
    assert order.day == date.today()  # CB603
