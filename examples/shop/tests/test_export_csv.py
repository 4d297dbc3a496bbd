"""The accountant's CSV file."""

import time

import pytest

from shop.export import DEFAULT_EXPORT, append_csv, read_csv, write_csv


@pytest.fixture(autouse=True)
def no_file_from_yesterday():
    DEFAULT_EXPORT.unlink(missing_ok=True)


def wait_for_pickup():
    """The accountant's script looks every 200 ms."""
    time.sleep(0.2)


def test_write(make_invoice):
    assert write_csv([make_invoice()]) == 1
    wait_for_pickup()
    assert read_csv() == [("T-2024-0001", "Ada", 2380)]


def test_write_replaces(make_invoice):
    write_csv([make_invoice("T-1"), make_invoice("T-2")])
    wait_for_pickup()
    write_csv([make_invoice("T-3")])
    wait_for_pickup()
    assert [number for number, _, _ in read_csv()] == ["T-3"]


def test_append(make_invoice):
    append_csv(make_invoice("T-4"))
    wait_for_pickup()
    append_csv(make_invoice("T-5"))
    assert [number for number, _, _ in read_csv()] == ["T-4", "T-5"]


def test_comma_in_a_name(tmp_path, make_invoice):
    path = tmp_path / "invoices.csv"
    write_csv([make_invoice(customer="Lovelace, Ada")], path)
    assert read_csv(path)[0][1] == "Lovelace, Ada"
