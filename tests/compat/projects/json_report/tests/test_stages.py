import logging
import warnings

import pytest


@pytest.mark.parametrize("number", range(8))
def test_metadata(number, json_metadata):
    json_metadata["square"] = number * number


def test_output():
    print("printed")
    logging.getLogger("compat").warning("logged")


def test_fails():
    values = {"a": 1}
    assert values == {"a": 2}


def test_warns():
    warnings.warn("a warning of a test")


@pytest.mark.skip(reason="not today")
def test_skipped():
    pass


@pytest.fixture
def broken_later():
    yield
    raise RuntimeError("teardown")


def test_teardown_error(broken_later):
    pass
