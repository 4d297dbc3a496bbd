import time

import pytest


@pytest.mark.xdist_group("database")
@pytest.mark.parametrize("number", range(3))
def test_database(number):
    time.sleep(0.02)


@pytest.mark.xdist_group("port")
class TestPort:
    def test_opens(self):
        time.sleep(0.02)

    def test_closes(self):
        time.sleep(0.02)


def test_alone():
    time.sleep(0.02)
