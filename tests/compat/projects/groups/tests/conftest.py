import pytest


@pytest.fixture(autouse=True)
def told_group(request, record_property):
    """The group a test is in, for whoever compares."""
    mark = request.node.get_closest_marker("xdist_group")
    record_property("group", mark.args[0] if mark else "")


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): tests that stay together")
