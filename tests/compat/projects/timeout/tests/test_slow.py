import threading
import time

import pytest


@pytest.mark.parametrize("number", range(8))
def test_quick(number):
    assert threading.current_thread() is threading.main_thread()


def test_hangs():
    time.sleep(60)


@pytest.mark.timeout(0.4)
def test_marked():
    threading.Event().wait(60)


@pytest.mark.timeout(30)
def test_allowed_to_take_longer():
    time.sleep(0.1)


@pytest.fixture
def slow_fixture():
    time.sleep(60)


@pytest.mark.timeout(0.4)
def test_slow_setup(slow_fixture):
    pass


@pytest.mark.parametrize("number", range(8))
def test_after(number):
    pass
