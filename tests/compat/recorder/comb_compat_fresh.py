"""Marks every test `fresh`: under comb's engine each then runs in a process of its own, elsewhere nothing is different."""


def pytest_configure(config):
    config.addinivalue_line("markers", "fresh: a process of its own")


def pytest_sessionstart(session):
    session.add_marker("fresh")
