"""Tells, with each test, which worker used which database."""

import os
import time
from pathlib import Path

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def duration():
    time.sleep(0.05)


@pytest.fixture
def database(db, record_property):
    name = Path(str(connection.settings_dict["NAME"])).name
    record_property("database", "{}={}".format(os.environ.get("PYTEST_XDIST_WORKER", "master"), name))
    return name


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Every database starts with one book."""
    from library.models import Book

    with django_db_blocker.unblock():
        Book.objects.create(title="Founding")
