"""Metadata of a test and of its stages."""

import time

import pytest


@pytest.fixture(autouse=True)
def duration():
    time.sleep(0.03)


def pytest_json_runtest_metadata(item, call):
    return {"stage " + call.when: item.name}


def pytest_json_modifyreport(json_report):
    json_report["added"] = len(json_report["tests"])
