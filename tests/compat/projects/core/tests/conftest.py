"""Fixtures of every scope, which note when they are made and when they go."""

import time

import pytest

alive = []


def pytest_report_header(config):
    return "core project"


def _resource(name):
    assert name not in alive, "made twice"
    alive.append(name)
    yield list(alive)
    alive.remove(name)


@pytest.fixture(autouse=True)
def duration():
    time.sleep(0.01)


@pytest.fixture(scope="session")
def session_resource():
    yield from _resource("session")


@pytest.fixture(scope="package")
def package_resource(session_resource):
    yield from _resource("package")


@pytest.fixture(scope="module")
def module_resource(package_resource):
    yield from _resource("module")


@pytest.fixture(scope="class")
def class_resource(module_resource):
    yield from _resource("class")


@pytest.fixture
def function_resource(class_resource):
    yield from _resource("function")
