"""Adds an extra to each failure, as the plugin's manual shows."""

import time

import pytest
import pytest_html


@pytest.fixture(autouse=True)
def duration():
    time.sleep(0.03)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        extras = getattr(report, "extras", [])
        extras.append(pytest_html.extras.text("details of " + item.name, name="Details"))
        report.extras = extras


def pytest_html_report_title(report):
    report.title = "Compatibility"


def pytest_html_results_table_header(cells):
    cells.insert(2, "<th>Description</th>")


def pytest_html_results_table_row(report, cells):
    cells.insert(2, "<td>{}</td>".format(getattr(report, "description", report.when)))
