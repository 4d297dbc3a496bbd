"""The documents: their links lead somewhere, and README tells the figures that docs/BENCH.md holds."""

from __future__ import annotations

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for place in ("*.md", "docs/**/*.md", "examples/*/*.md")
    for path in TOP.glob(place)
)
# A row of README's figures, and the heading in docs/BENCH.md that it is taken from.
ROWS = {
    "10,000 trivial tests in 200 files, 2 workers": "10,000 trivial tests in 200 files, 2 workers",
    "the same, 8 workers on 2 cores": "10,000 trivial tests in 200 files, 8 workers",
    "the same, first run in a fresh clone, 2 workers": "10,000 trivial tests, first run in a fresh clone, 2 workers",
    "20,000 tests in one file, `--dist loadscope`, 2 workers": "20,000 tests in one file, --dist loadscope, 2 workers",
    "one trivial test, 2 workers": "one trivial test",
    "48 trivial tests, 16 workers": "start-up with 16 workers, 48 trivial tests",
    "400 sleeping tests, 64 workers": "400 sleeping tests, log-normal, 64 workers, second run",
    "durations [2, 2, .01, .01] s, 2 workers": "durations [2, 2, .01, .01] s, 2 workers",
    "module fixtures of 0–1 s over 30 modules, 4 workers": "module fixtures of 0-1 s over 30 modules, 4 workers",
    "memory of 8 workers, 150 MB of imports": "memory (sum of PSS), 8 workers, 150 MB of imports",
}


def section(text: str, heading: str) -> str:
    """What stands below a heading, to the next of its kind or a higher one."""
    assert f"\n{heading}\n" in text, f"there is no heading {heading}"
    level = heading.split(" ")[0]
    return re.split(rf"\n#{{2,{len(level)}}} ", text.split(f"\n{heading}\n", 1)[1])[0]


def cells(table: str) -> list[list[str]]:
    """The rows of a table, without its head."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return rows[2:]


def figures() -> list[list[str]]:
    """README's rows of workloads; the table before them is of repeated measurements."""
    table = section((TOP / "README.md").read_text(), "## Figures")
    return cells(table[table.index("| workload |"):])


def heading_of(row: str) -> str:
    """In docs/BENCH.md. Suites are named after their project: "click's own suite" or "attrs's"."""
    project = re.match(r"(\S+'s)(?: own suite)?,? ?(without .+)?", row)
    if row in ROWS or not project:
        return ROWS[row]
    return f"{project[1]} own suite{' ' + project[2] if project[2] else ''}, 2 workers"


def medians(heading: str) -> dict[str, float]:
    """What a section of docs/BENCH.md measured, by the first word of the way of running."""
    below = section((TOP / "docs/BENCH.md").read_text(), f"### {heading}")
    return {row[0].split(" ")[0]: float(row[1].split(" ")[0]) for row in cells(below)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_to_files_and_headings(document: pathlib.Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if anchor else []
        anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
        assert not anchor or anchor in anchors, link


@pytest.mark.parametrize("row", figures(), ids=lambda row: row[0].replace("/", "."))
def test_figures_are_those_of_the_bench(row: list[str]) -> None:
    measured = medians(heading_of(row[0]))
    for cell, way in zip(row[1:], ("serial", "xdist", "comb")):
        figure = re.match(r"\**([\d.,]+) (s|MB)", cell)
        assert figure or cell == "–", cell
        if figure:
            digits = len(figure[1].partition(".")[2])
            assert float(figure[1].replace(",", "")) == pytest.approx(measured[way], abs=0.51 * 10**-digits), way
