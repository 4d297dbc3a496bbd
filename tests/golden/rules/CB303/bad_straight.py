import os
import sys

import shop.net


def test_environment():
    os.environ["A"] = "b"  # CB303
    assert True
    del os.environ["A"]  # CB303


def test_attribute():
    old = shop.net.fetch
    shop.net.fetch = None  # CB303
    assert True
    shop.net.fetch = old  # CB303


def test_folder(tmp_path):
    here = os.getcwd()
    os.chdir(tmp_path)  # CB303
    assert True
    os.chdir(here)  # CB303


def test_stream():
    old = sys.stdin
    sys.stdin = None  # CB303
    sys.stdin = old  # CB303
