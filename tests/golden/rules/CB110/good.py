import warnings

import pytest


def test_old_api():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")


def test_recorded():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not caught


@pytest.mark.filterwarnings("ignore")
def test_marked():
    warnings.warn("x")
