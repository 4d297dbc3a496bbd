"""The folder of tmp_path is made when a test asks for it: where, by whom, and not in other runs."""

import pytest
from engine_run import run, write

ASKS = """
import copy, os, pytest
@pytest.mark.parametrize("n", range(4))
def test_a(n, tmp_path, worker_id, request):
    option = request.config.option
    assert tmp_path.parent.name == "popen-" + worker_id
    assert option.basetemp == copy.copy(option).basetemp == request.config.getoption("basetemp") == str(tmp_path.parent)
"""


def temporary(tmp_path):
    root = tmp_path / "temporary"
    root.mkdir()
    suite = tmp_path / "suite"
    suite.mkdir()
    return suite, root, {"PYTEST_DEBUG_TEMPROOT": str(root)}


def test_no_folder_where_no_test_asks(tmp_path):
    suite, root, env = temporary(tmp_path)
    write(suite, test_plain="def test_a(): pass\ndef test_b(): pass\n")
    assert run(suite, "--comb", "-n2", env=env).counts == {"passed": 2}
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("start", ["shard", "once", "import"])
def test_one_folder_for_all_workers(tmp_path, start):
    suite, root, env = temporary(tmp_path)
    write(suite, test_one=ASKS, test_two=ASKS)
    assert run(suite, "--comb", "-n2", f"--comb-start={start}", env=env).counts == {"passed": 8}
    (user,) = root.iterdir()
    assert sorted(entry.name for entry in user.iterdir()) == ["pytest-0", "pytest-current"]
    assert {entry.name for entry in (user / "pytest-0").iterdir() if entry.is_dir()} <= {"popen-gw0", "popen-gw1"}


def test_a_folder_the_user_names(tmp_path):
    suite, root, env = temporary(tmp_path)
    write(suite, test_one=ASKS)
    assert run(suite, "--comb", "-n2", f"--basetemp={tmp_path / 'named'}", env=env).counts == {"passed": 4}
    assert list(root.iterdir()) == []
    assert (tmp_path / "named").is_dir()


def test_a_folder_that_cannot_be_made_is_an_error_of_the_test(tmp_path):
    suite, root, env = temporary(tmp_path)
    write(suite, test_one="def test_a(tmp_path): pass\ndef test_b(): pass\n")
    result = run(suite, "--comb", "-n2", env={"PYTEST_DEBUG_TEMPROOT": str(suite / "test_one.py")})
    assert result.counts == {"passed": 1, "error": 1}
    assert "no temporary folder: " in result.out
