import threading
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_worker():
    worker = threading.Thread(target=print)
    worker.start()
    worker.join()


def test_daemon():
    threading.Thread(target=print, daemon=True).start()


def test_pool():
    with ThreadPoolExecutor() as pool:
        assert pool.submit(len, "").result() == 0


def test_several():
    threads = [threading.Thread(target=print) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def worker():
    thread = threading.Thread(target=print)
    thread.start()
    yield thread
    thread.join()


def test_never_started():
    thread = threading.Thread(target=print)
    assert thread.name
