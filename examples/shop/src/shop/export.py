"""Invoices for the accountant: CSV files, written by a queue in the background."""

from __future__ import annotations

import csv
import queue
import threading
import time
from pathlib import Path
from typing import Iterable

from shop.invoices import Invoice

HEADER = ("number", "customer", "total")
DEFAULT_EXPORT = Path("/tmp/shop-invoices.csv")  # where the accountant's script looks


def write_csv(invoices: Iterable[Invoice], path: Path = DEFAULT_EXPORT) -> int:
    """Write a new file; the number of invoices in it."""
    rows = [(i.number, i.customer, i.total) for i in invoices]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return len(rows)


def append_csv(invoice: Invoice, path: Path = DEFAULT_EXPORT) -> None:
    """Add one invoice; a new file gets the header first."""
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(HEADER)
        writer.writerow((invoice.number, invoice.customer, invoice.total))


def read_csv(path: Path = DEFAULT_EXPORT) -> list[tuple[str, str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return [(number, customer, int(total)) for number, customer, total in rows[1:]]


class ExportQueue:
    """Appends invoices to a file, one after the other, in a thread of its own."""

    def __init__(self, path: Path = DEFAULT_EXPORT, seconds_each: float = 0.1) -> None:
        self._path = path
        self._seconds_each = seconds_each
        self._jobs: queue.Queue[Invoice | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="invoice export")
        self._thread.start()

    def __enter__(self) -> ExportQueue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, invoice: Invoice) -> None:
        self._jobs.put(invoice)

    def drain(self) -> None:
        """Wait until everything submitted so far is in the file."""
        self._jobs.join()

    def close(self) -> None:
        """Finish what was submitted, then end the thread. Safe twice."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while True:
            invoice = self._jobs.get()
            if invoice is not None:
                time.sleep(self._seconds_each)  # the tax office signs each invoice
                append_csv(invoice, self._path)
            self._jobs.task_done()
            if invoice is None:
                return
