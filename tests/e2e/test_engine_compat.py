"""Runs under comb's engine do what serial runs do: the light part of tests/compat, with what .venv has."""

import subprocess
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


CONFTEST = '''
from pathlib import Path

HERE = Path(__file__).parent


def pytest_configure(config):
    if hasattr(config, "workeroutput"):
        config.workeroutput["left at configure"] = 1


def pytest_testnodedown(node, error):
    if not error:
        (HERE / "left").write_text(str(node.workeroutput["left at configure"]))


def pytest_handlecrashitem(crashitem, report, sched):
    if not (HERE / "revived").exists():
        (HERE / "revived").touch()
        sched.mark_test_pending(crashitem)
        report.outcome = "skipped"
        report.longrepr = ("test_plugin.py", 1, "runs again")
'''

TESTS = '''
import os
from pathlib import Path


def test_terminal(request):
    assert request.config.get_terminal_writer().fullwidth > 0
    assert request.config.pluginmanager.getplugin("terminalreporter") is not None


def test_crashes_once():
    if not Path(__file__).with_name("revived").exists():
        os.abort()
'''


def test_what_plugins_ask_of_a_worker(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_plugin.py").write_text(TESTS)
    done = subprocess.run([PYTHON, "-m", "pytest", "--comb", "-n", "2"], cwd=tmp_path, capture_output=True, text=True)
    assert "2 passed, 1 skipped" in done.stdout, done.stdout
    assert done.returncode == 0
    assert (tmp_path / "left").read_text() == "1"


STARTS = '''
import pytest

SEEN = []


def fixtures(config):
    return "known" if config.pluginmanager.hasplugin("funcmanage") else "unknown"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    SEEN.append(f"fixtures {fixtures(node.config)} at configure_node")


def pytest_sessionstart(session):
    SEEN.append("sessionstart")


def pytest_report_header(config):
    return f"seen: {', '.join(SEEN)}, fixtures {fixtures(config)} at header"
'''


def test_the_controller_looks_for_fixtures_once_the_zygote_is_on_its_way(tmp_path: Path) -> None:
    """Plugins still come first, and whoever prints the header finds everything."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(STARTS)
    (tmp_path / "test_it.py").write_text("def test_a(tmp_path): pass\n")
    done = subprocess.run([PYTHON, "-m", "pytest", "--comb", "-n", "1"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seen: sessionstart, fixtures unknown at configure_node, fixtures known at header" in done.stdout
