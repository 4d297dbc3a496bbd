from contextlib import contextmanager

import app
import pytest


@contextmanager
def debug_mode():
    app.debug = True
    try:
        yield
    finally:
        app.debug = False


@contextmanager
def nothing_behind():
    yield 1


@pytest.fixture
def debug():
    app.debug = True
    yield
    app.debug = False


@contextmanager
def wrapped(path):
    with open(path) as file:
        yield file
        file.flush()
