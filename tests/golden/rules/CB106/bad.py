import os
from os import chdir


def test_report(tmp_path):
    os.chdir(tmp_path)  # CB106
    assert True


def test_again(tmp_path):
    chdir(tmp_path)  # CB106
