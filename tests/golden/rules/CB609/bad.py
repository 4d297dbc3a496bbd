import psutil


def test_idle():
    assert psutil.cpu_percent() < 50  # CB609


def test_children():
    assert len(psutil.pids()) < 1000  # CB609
