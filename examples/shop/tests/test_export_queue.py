"""Invoices exported in the background."""

import pytest

from shop.export import ExportQueue, read_csv


@pytest.fixture
def path(tmp_path):
    return tmp_path / "invoices.csv"


@pytest.mark.parametrize("count", [1, 4])
def test_drain_waits_for_all(path, make_invoice, count):
    with ExportQueue(path) as export:
        for number in range(count):
            export.submit(make_invoice(f"T-{number}"))
        export.drain()
        assert len(read_csv(path)) == count


def test_close_finishes_the_work(path, make_invoice):
    with ExportQueue(path, seconds_each=0.2) as export:
        export.submit(make_invoice("T-1"))
        export.submit(make_invoice("T-2"))
    assert [number for number, _, _ in read_csv(path)] == ["T-1", "T-2"]


def test_close_twice(path):
    export = ExportQueue(path)
    export.close()
    export.close()


def test_end_of_month(path, make_invoice):
    with ExportQueue(path, seconds_each=0.12) as export:
        for day in range(1, 11):
            export.submit(make_invoice(f"T-{day:02d}", price=day * 100))
    assert sum(total for _, _, total in read_csv(path)) == 11000
