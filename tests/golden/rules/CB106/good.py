import contextlib
import os

import pytest


def test_monkeypatch(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    os.chdir("..")


def test_with(tmp_path):
    with contextlib.chdir(tmp_path):
        os.chdir("..")


def test_finally(tmp_path):
    old = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert True
    finally:
        os.chdir(old)


@pytest.fixture
def here(tmp_path):
    old = os.getcwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(old)


def test_finalizer(request, tmp_path):
    old = os.getcwd()
    request.addfinalizer(lambda: os.chdir(old))
    os.chdir(tmp_path)


def test_named_finalizer(request, tmp_path):
    old = os.getcwd()

    def back():
        os.chdir(old)

    request.addfinalizer(back)
    os.chdir(tmp_path)


def test_uses_here(here):
    os.chdir("/")
