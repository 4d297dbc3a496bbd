"""The comparison of real projects forgives what differs in any two runs, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from compare import Ids, differences, function_of

BEFORE = ["t.py::test_day[10:01]", "t.py::test_day[fixed]", "t.py::test_one", "t.py::test_two[a]"]
AGAIN = ["t.py::test_day[10:02]", "t.py::test_day[fixed]", "t.py::test_one", "t.py::test_two[a]"]


def run(ids: list[str], broken: tuple[str, ...] = (), failing: tuple[str, ...] = ()) -> dict:
    ended = [[nodeid, "call:failed" if nodeid in failing else "call:passed"] for nodeid in ids]
    return {"collected": ids, "ended": ended, "broken": list(broken)}


def same(after: dict, before: list[str] = BEFORE, again: list[str] = AGAIN) -> bool:
    ids, outcomes, lines = differences(run(before), after, Ids(before, again))
    assert outcomes == (lines == [])
    return ids and outcomes


def test_another_time_of_day_is_the_same() -> None:
    assert same(run(["t.py::test_day[23:59]", *BEFORE[1:]]))
    assert Ids(BEFORE, AGAIN).count() == 1
    assert Ids(BEFORE, BEFORE).count() == 0


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(BEFORE[1:], id="an unstable one is lost"),
        pytest.param([*BEFORE, "t.py::test_day[3]"], id="an unstable one is more"),
        pytest.param([BEFORE[0], "t.py::test_day[x]", *BEFORE[2:]], id="a stable id of that function changed"),
        pytest.param([*BEFORE[:3], "t.py::test_two[b]"], id="an id of another function changed"),
        pytest.param([*BEFORE, "t.py::test_one"], id="one is there twice"),
        pytest.param(["t.py::test_night[10:01]", *BEFORE[1:]], id="the function has another name"),
    ],
)
def test_a_real_difference_shows(after: list[str]) -> None:
    assert not same(run(after))


def test_the_outcome_of_an_unstable_id_counts() -> None:
    assert not same(run(["t.py::test_day[5]", *BEFORE[1:]], failing=("t.py::test_day[5]",)))


def test_a_file_that_cannot_be_collected_counts() -> None:
    assert not same(run(BEFORE, broken=("u.py",)))


def test_a_function_with_another_number_of_tests_is_not_forgiven() -> None:
    assert not same(run(["t.py::test_day[5]", *BEFORE[1:]], ), again=[*AGAIN, "t.py::test_day[4]"])


def test_parameters_end_the_name_of_a_function_only() -> None:
    assert function_of("a[b]/t.py::T::test_x[y::z[1]]") == "a[b]/t.py::T::test_x"
    assert function_of("a[b]/t.txt") == "a[b]/t.txt"
