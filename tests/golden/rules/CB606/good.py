import gc
import weakref


def test_leak(run):
    reference = weakref.ref(run())
    gc.collect()
    assert reference() is None
