import gc
import sys


def test_leak(run):
    run()
    assert len(gc.get_objects()) < 50000  # CB606


def test_references():
    value = object()
    assert sys.getrefcount(value) == 2  # CB606
