import atexit
import signal


def test_term():
    signal.signal(signal.SIGTERM, print)  # CB113


def test_alarm():
    signal.alarm(5)  # CB113


def test_exit():
    atexit.register(print)  # CB113
