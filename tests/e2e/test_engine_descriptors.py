"""Tests that close descriptors that are not theirs: their worker ends in good order, and another one goes on."""

import json

import pytest
from engine_run import comb, run, write


def test_closed_descriptors(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', range(13))\ndef test(n):\n    n == 6 and os.closerange(0, 300)")
    got = comb(tmp_path)
    assert got.code == 1
    assert got.counts["passed"] >= 12
    assert [name for name, outcome in got.outcomes.items() if outcome != ["passed"]] == ["test_a::test[6]"]


REPLACES = '''
import os, pytest
FILES = []
def test_before(): pass
def test_replaces():
    os.closerange(3, 1000)
    FILES.extend(open("f%%d" %% n, "wb+", buffering=0) for n in range(30))
    for file in FILES: file.write(%r)
@pytest.mark.parametrize("n", range(3))
def test_after(n): print("hello")
def test_fails(): assert 0
'''


@pytest.mark.parametrize("capture", ["no", "fd", "tee-sys"])
@pytest.mark.parametrize("content", [b"", b"mine"])
def test_files_under_the_numbers_of_descriptors_that_comb_had(tmp_path, capture, content):
    """They stay the test's own, and its worker, which has lost what it needs, runs no other."""
    write(tmp_path, test_a=REPLACES % content)
    got = run(tmp_path, "--comb", "-n1", "--capture", capture)
    assert got.counts == {"passed": 5, "failed": 1}, got.out
    assert got.out.count("closed descriptors it did not open") == 1, got.out
    assert {file.read_bytes() for file in tmp_path.glob("f[0-9]*")} == {content}


@pytest.mark.parametrize("mode", ["once", "import"])
@pytest.mark.parametrize("lowest", [0, 3])
def test_a_worker_that_lost_descriptors_tears_down(tmp_path, mode, lowest):
    """Before it is replaced, and a failure in it is an error of the last test."""
    write(tmp_path, test_a=f'''
import os, pytest, sys
def note(word):
    print(word)
    print(word, file=sys.stderr, flush=True)
    with open("log", "a") as file: file.write(word + " ")
@pytest.fixture(scope="session")
def session():
    note("up")
    yield
    note("down")
@pytest.fixture(scope="module")
def module(session):
    note("mup")
    yield
    note("mdown")
    assert os.path.exists("told") or not os.path.exists("closed"), "told once"
def test_before(module): pass
def test_closes(module):
    os.closerange({lowest}, 400)
    open("closed", "w").close()
def test_after(module): open("told", "w").close()
def test_last(module): pass
''')
    got = run(tmp_path, "--comb", "-n1", f"--comb-start={mode}")
    assert (tmp_path / "log").read_text().split() == ["up", "mup", "mdown", "down"] * 2, got.out
    assert got.outcomes["test_a::test_after"] == got.outcomes["test_a::test_last"] == ["passed"], got.out
    assert "told once" in got.out and got.counts["error"] >= 1, got.out


def test_a_worker_without_descriptors_for_its_output_lacks_none(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a(): assert 0\ndef test_b(): assert 0\ndef test_c(): pass\n")
    got = run(tmp_path, "--comb", "-n1", "--capture=sys")
    assert got.counts == {"failed": 2, "passed": 1} and "replacing" not in got.out, got.out


FINISHING = """
import json, os, pytest
def pytest_sessionfinish(session):
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran"] = session.config.ran
        session.config.at_end()
def pytest_configure(config):
    config.ran, config.at_end = [], lambda: None
def pytest_runtest_teardown(item):
    item.config.ran.append(item.name)
@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    with open("down", "a") as file:
        print(json.dumps([node.gateway.id, getattr(node, "workeroutput", {}).get("ran"), error]), file=file)
"""
CLOSES = """
import os
def test_before(): pass
def test_closes(pytestconfig):
    os.closerange(3, 1000)
    pytestconfig.at_end = lambda: %s
def test_after(): pass
"""


def downs(tmp_path):
    return [json.loads(line) for line in (tmp_path / "down").read_text().splitlines()]


@pytest.mark.parametrize("capture", ["no", "fd"])
@pytest.mark.parametrize("mode", ["shard", "once", "import"])
def test_what_plugins_do_at_the_end_of_a_session_is_done(tmp_path, mode, capture):
    """By the worker that lacks descriptors (also those that pytest captures in: its test fails), and its replacement."""
    write(tmp_path, conftest=FINISHING, test_a=CLOSES % "None", test_b="import time\ndef test_b(): time.sleep(1)\n")
    got = run(tmp_path, "--comb", "-n2", "-v", f"--comb-start={mode}", "--dist=loadfile", "--capture", capture)
    assert f"start={mode}" in got.out, got.out
    assert got.counts == ({"passed": 4} if capture == "no" else {"passed": 3, "failed": 1, "error": 1}), got.out
    ran = [names for _, names, _ in downs(tmp_path)]
    assert ["test_before", "test_closes"] in ran and len(ran) == 3, ran
    assert sorted(sum(ran, [])) == ["test_after", "test_b", "test_before", "test_closes"]
    assert [error for _, _, error in downs(tmp_path)] == [None] * 3


@pytest.mark.parametrize("last", [False, True])
def test_a_plugin_that_fails_for_want_of_its_descriptor_is_told(tmp_path, last):
    """Also where nobody replaces the worker. The tests of the others count, and the run is no more green than a serial one."""
    test = CLOSES % "os.write(999, b'x')"
    write(tmp_path, conftest=FINISHING, test_a=test.replace("def test_after(): pass", "") if last else test)
    got = run(tmp_path, "--comb", "-n1", "-s")
    assert got.counts == {"passed": 2 if last else 3} and got.code == 1, got.out
    assert got.out.count("ended badly, for a test closed descriptors it did not open: OSError: [Errno 9] Bad file") == 1, got.out
    assert "INTERNALERROR" not in got.out, got.out


def test_a_plugin_that_fails_in_unconfigure_is_no_bad_end(tmp_path):
    write(tmp_path, test_a=CLOSES % "None", conftest=FINISHING + "def pytest_unconfigure(config):\n"
          "    if hasattr(config, 'workerinput'): os.close(999)\n")
    got = run(tmp_path, "--comb", "-n1", "-s")
    assert got.counts == {"passed": 3} and got.code == 0 and "ended badly" not in got.out, got.out


def test_a_worker_that_dies_when_it_has_ended_is_replaced(tmp_path):
    """An exit handler may not bear that its descriptors are closed. The run is red, and no test is left out for it."""
    write(tmp_path, test_a=(CLOSES % "__import__('atexit').register(os.abort)"), conftest=FINISHING)
    got = run(tmp_path, "--comb", "-n1", "-s")
    assert got.counts == {"passed": 3} and got.code == 1, got.out
    assert "worker gw0 ended badly after its last test: killed by SIGABRT" in got.out and "did not run" not in got.out, got.out
    assert [worker for worker, _, _ in downs(tmp_path)] == ["gw0", "gw1"]
