"""Runs under comb's engine do what serial runs do: the light part of tests/compat, with what .venv has."""

import sys
from pathlib import Path

import pytest

COMPAT = Path(__file__).resolve().parent.parent / "compat"
sys.path.insert(0, str(COMPAT))

from cases import CASES  # noqa: E402
from environment import start_modes  # noqa: E402
from execute import Mode, Task, observe  # noqa: E402
from matrix import SCENARIOS  # noqa: E402
from verdict import judge  # noqa: E402

PYTHON = Path(sys.executable)
CHOSEN = ("all outcomes, doctests, junit xml, -rA, --durations", "--lf after a run", "errors in collection")


def differences(task: Task, mode: Mode, folder: Path) -> dict:
    """Between a serial run and one under comb."""
    serial = observe(task, Mode("serial"), folder)
    return judge(observe(task, mode, folder), serial, serial).differences


@pytest.mark.parametrize("start", start_modes(PYTHON))
@pytest.mark.parametrize("name", CHOSEN)
def test_as_in_a_serial_run(name: str, start: str, tmp_path: Path) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    task = Task(PYTHON, COMPAT / "projects" / scenario.project, scenario.arguments, scenario.readers, (),
                scenario.ignored_aspects, scenario.runs)
    mode = Mode("comb " + start, ("--comb", "-n", "2", "--comb-start", start))
    assert differences(task, mode, tmp_path) == {}


def test_subtests_of_pytest_itself(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.project == "subtests_builtin")
    task = Task(PYTHON, COMPAT / "projects" / case.project, case.arguments, case.readers)
    assert differences(task, Mode("comb", ("--comb", "-n", "2")), tmp_path) == {}
