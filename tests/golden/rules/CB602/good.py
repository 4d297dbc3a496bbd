import time


def test_lower_limit():
    start = time.monotonic()
    time.sleep(0.1)
    assert time.monotonic() - start >= 0.1


def test_other():
    total = 5 - 3
    assert total < 3


def test_future(order):
    due = int(time.time()) + 60
    assert due - 10 < order.due <= due
