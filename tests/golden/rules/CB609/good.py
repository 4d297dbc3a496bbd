import psutil


def test_threads():
    assert psutil.Process().num_threads() == 1
