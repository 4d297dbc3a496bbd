"""Writes docs/COMPATIBILITY.md from what was run."""

from __future__ import annotations

from dataclasses import dataclass, field

from verdict import Verdict

Row = list[str]


@dataclass
class Finding:
    """Why a cell is not "= serial"."""

    where: str
    verdict: Verdict


@dataclass
class Document:
    """Tables and what explains them."""

    plugins: list[Row] = field(default_factory=list)
    plugin_columns: Row = field(default_factory=list)
    matrix: list[Row] = field(default_factory=list)
    matrix_columns: Row = field(default_factory=list)
    scenarios: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    versions: str = ""
    complete: bool = False  # to be written to docs/: not a part of the runs


HEAD = """# Compatibility

Written by `make compat` from runs of the projects in tests/compat: each is run serially, under pytest-xdist `-n 2` and
under comb `-n 2` in every way to start, with pytest-xdist installed ("comb once", "comb import", …) and without it
("comb alone"). Compared are, for every run: each report (node id, phase, outcome, message, sections, keywords),
collection reports, warnings, the counts in the summary, logstart and logfinish of each test, exit code, files left in
the project and processes left; and for each plugin what its row names.

`= serial`: all of it is as in the serial run. `= xdist (…)`: what is named is not as in the serial run but as under
pytest-xdist. **differs**: neither; the reason is below the table.
"""


def _escape(text: str) -> str:
    """A cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _table(columns: Row, rows: list[Row]) -> str:
    lines = ["| " + " | ".join(map(_escape, row)) + " |" for row in [columns, ["---"] * len(columns), *rows]]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> str:
    """One paragraph: what differs where."""
    lines = ["- {}".format(finding.where)]
    for aspect, changes in finding.verdict.differences.items():
        lines += ["  - {}: `{}`".format(aspect, change.replace("`", "'").replace("\n", "\\n")[:300])
                  for change in changes]
    return "\n".join(lines)


def text(document: Document) -> str:
    """The whole file."""
    parts = [HEAD, "Versions: " + document.versions + "\n"]
    if document.plugins:
        parts += ["## Plugins\n", _table(document.plugin_columns, document.plugins)]
    if document.notes:
        parts += ["Why not `= serial`:\n", "\n".join("- " + note + "." for note in document.notes) + "\n"]
    if document.matrix:
        parts += ["## Python × pytest\n", "Scenarios passed of those run (comb chooses how to start; scenarios marked "
                  "with * are also run in each way to start):\n", _table(document.matrix_columns, document.matrix),
                  "With pytest 9.2, pytest-xdist 3.8.0 ignores `xdist_group` (its issue 1386); comb does not.\n",
                  "Scenarios: " + "; ".join("`{}`".format(name) for name in document.scenarios) + ".\n"]
    failed = [finding for finding in document.findings if not finding.verdict.passed]
    if failed:
        parts += ["## Differences\n", "\n".join(map(_finding, failed)) + "\n"]
    return "\n".join(parts)
