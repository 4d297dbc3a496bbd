from unittest.mock import patch

import pytest
import flask
import shop.net
from shop.store import Store


def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(shop.net, "fetch", None)


def test_instance():
    store = Store()
    store.timeout = 0
    setattr(store, "x", 1)


def test_patched():
    with patch.object(shop.net, "fetch"):
        shop.net.fetch = None


def test_restored():
    old = shop.net.fetch
    shop.net.fetch = None
    try:
        assert True
    finally:
        shop.net.fetch = old


@pytest.fixture
def offline():
    old = shop.net.fetch
    shop.net.fetch = None
    yield
    shop.net.fetch = old


def pytest_configure(config):
    shop.net.timeout = 1


@pytest.fixture(scope="session", autouse=True)
def whole_run():
    shop.net.retries = 0


def test_context():
    flask.g.user = "ada"
