import threading
from concurrent.futures import ThreadPoolExecutor


def test_worker():
    worker = threading.Thread(target=print)  # CB114
    worker.start()
    assert True


def test_chained():
    threading.Timer(5, print).start()  # CB114


def test_pool():
    pool = ThreadPoolExecutor()  # CB114
    assert pool.submit(len, "").result() == 0
