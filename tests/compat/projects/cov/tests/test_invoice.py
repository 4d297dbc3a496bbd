import threading

import pytest

from billing import invoice


@pytest.mark.parametrize("country", ["DE", "FR", "CH", "XX"])
@pytest.mark.parametrize("price", [10, 2000])
def test_total(country, price):
    assert invoice([(price, 1)], country) >= price


def test_discount():
    assert invoice([(100, 1)], "XX", discount=10) == 90


def test_negative():
    with pytest.raises(ValueError):
        invoice([(-1, 1)])


def test_in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(invoice([(5, 2)])))
    thread.start()
    thread.join()
    assert results == [11.9]
