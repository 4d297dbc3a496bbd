"""comb's engine does what a serial run does."""

import re
import subprocess
import sys

import pytest
from engine_run import comb, run, serial, write

MIXED = '''
import warnings, pytest
def test_ok(): pass
def test_fail(): assert 1 == 2, "lone \\udcff"
def test_print(): print("out\\udc80put"); assert 0
@pytest.mark.skip(reason="no")
def test_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.fixture
def bad(): raise ValueError("x")
def test_setup_error(bad): pass
@pytest.fixture
def bad_end():
    yield
    raise ValueError("td")
def test_teardown_error(bad_end): pass
@pytest.mark.parametrize("a", ["x", "x::y", "\\u00fc", 3])
def test_parameters(a): pass
class TestClass:
    def test_method(self, tmp_path): print(tmp_path)
def test_warning(): warnings.warn(DeprecationWarning("hey", 3))
def test_property(record_property): record_property("k", (1, 2))
def test_exit_call(): raise SystemExit(0)
'''

CONFTEST = '''
import json, os
seen = []
def pytest_runtest_logreport(report):
    seen.append([report.nodeid, report.when, report.outcome, sorted(report.keywords), list(report.location),
                 report.user_properties])
def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        with open(os.environ["SEEN"], "w") as file:
            json.dump(sorted(seen, key=repr), file)
'''


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_same_outcomes_as_a_serial_run(tmp_path, mode):
    write(tmp_path, test_mixed=MIXED, test_other="def test_x(): pass\ndef test_y(): pass\n")
    expected, got = serial(tmp_path), comb(tmp_path, "--dist", mode)
    assert got.outcomes == expected.outcomes
    assert got.counts == expected.counts
    assert got.code == expected.code == 1
    errors = [line for line in expected.out.splitlines() if line.startswith("E  ")]
    assert any(line.endswith(("AssertionError: lone \udcff", "AssertionError: lone \\udcff")) for line in errors)  # by locale
    assert sorted(line for line in got.out.splitlines() if line.startswith("E  ")) == sorted(errors)


def test_each_runs_every_test_on_every_worker(tmp_path):
    write(tmp_path, test_a="import pytest\n@pytest.mark.parametrize('n', range(5))\n"
                           "def test_a(n, worker_id):\n    open('%s-%d' % (worker_id, n), 'x').close()\n    assert n != 3\n")
    assert comb(tmp_path, "--dist=each").counts == {"passed": 8, "failed": 2}
    assert len(list(tmp_path.glob("gw?-?"))) == 10


def test_reports_are_equal_to_the_last_attribute(tmp_path):
    write(tmp_path, test_mixed=MIXED, conftest=CONFTEST)
    serial(tmp_path, env={"SEEN": "serial.json"})
    comb(tmp_path, env={"SEEN": "comb.json"})
    assert (tmp_path / "comb.json").read_text() == (tmp_path / "serial.json").read_text()


@pytest.mark.parametrize("args", [
    ["-k", "parameters"], ["-m", "skip"], ["--deselect", "test_mixed.py::test_ok"], ["test_mixed.py::TestClass"],
    ["--durations=3"], ["-k", "nothing_has_this_name"], ["--co", "-q"], ["no_such_file.py"], ["--no_such_option"],
    ["test_mixed.py::no_such_test"], ["--capture=sys"], ["--capture=no"], ["-p", "no:terminal"], ["--runxfail"],
    ["-n0"], ["--strict-markers"], ["-W", "error::DeprecationWarning"],
])
def test_options_select_the_same_and_end_the_same(tmp_path, args):
    write(tmp_path, test_mixed=MIXED)
    plain = [arg for arg in args if arg != "-n0"]
    expected, got = serial(tmp_path, *plain), comb(tmp_path, *args)
    assert got.outcomes == expected.outcomes
    assert got.counts == expected.counts
    assert got.code == expected.code, got.out


def test_collection_errors_end_the_run_as_in_serial(tmp_path):
    write(tmp_path, test_bad="import no_such_module\n", test_worse="def test_a(:\n", test_good="def test_g(): pass\n")
    for args in ([], ["--continue-on-collection-errors"], ["--maxfail=1"]):
        expected, got = serial(tmp_path, *args), comb(tmp_path, *args)
        assert got.code == expected.code
        assert got.counts == expected.counts, got.out
        assert got.outcomes == expected.outcomes


def test_a_broken_conftest_is_said_once(tmp_path):
    write(tmp_path, conftest="raise RuntimeError('conftest is broken')\n", test_a="def test_a(): pass\n")
    expected, got = serial(tmp_path), comb(tmp_path)
    assert got.code == expected.code == 4
    assert got.out.count("RuntimeError: conftest is broken") == 1


def test_first_failure_stops(tmp_path):
    write(tmp_path, test_a="def test_0(): assert 0\n" + "".join(
        "def test_%d():\n    import time; time.sleep(.05)\n" % n for n in range(1, 60)))
    got = comb(tmp_path, "-x")
    assert got.code == 1
    assert "stopping after 1 failures" in got.out
    assert len(got.outcomes) < 40


@pytest.mark.parametrize("how", ["shouldfail", "shouldstop"])
@pytest.mark.parametrize("mark", ["", "@pytest.mark.fresh\n"], ids=["plain", "fresh"])
def test_a_session_that_a_test_ends(tmp_path, how, mark):
    write(tmp_path, test_a="import pytest, time\n" + mark + "def test_a(request): request.session.%s = 'disk is full'\n" % how,
          test_b="import pytest, time\n@pytest.mark.parametrize('n', range(40))\ndef test_b(n): time.sleep(.05)\n")
    expected, got = serial(tmp_path), comb(tmp_path)
    assert got.code == expected.code
    for line in ("disk is full !!!", " passed in "):
        assert line in expected.out and line in got.out, got.out
    assert "did not run" not in got.out and got.counts["passed"] < 40


def test_exit_from_a_test(tmp_path):
    write(tmp_path, test_a="import pytest\ndef test_a(): pytest.exit('enough', returncode=7)\n"
                           "def test_b():\n    import time; time.sleep(.2)\n")
    got = comb(tmp_path)
    assert got.code == 7
    assert "enough" in got.out


def test_keyboard_interrupt_in_a_test(tmp_path):
    write(tmp_path, test_a="def test_a(): raise KeyboardInterrupt\n")
    assert comb(tmp_path).code == 2


def test_exit_codes_of_empty_suites(tmp_path):
    write(tmp_path, helper="")
    assert comb(tmp_path).code == 5


def test_last_failed_and_stepwise_know_what_failed(tmp_path):
    write(tmp_path, test_a="def test_1(): pass\ndef test_2(): assert 0\ndef test_3(): pass\n")
    cache = ["-p", "cacheprovider"]
    assert comb(tmp_path, *cache).counts == {"failed": 1, "passed": 2}
    got = comb(tmp_path, *cache, "--lf")
    assert got.counts == {"failed": 1}
    assert "rerun previous 1 failure" in got.out
    assert comb(tmp_path, *cache, "--ff").counts == {"failed": 1, "passed": 2}


def test_worker_identity(tmp_path):
    write(tmp_path, conftest='''
import os
def pytest_configure_node(node): node.workerinput["mine"] = ("a", b"b", {1})
def pytest_testnodedown(node, error): print("down", node.gateway.id, node.workeroutput.get("left"), error)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"): session.config.workeroutput["left"] = os.environ["PYTEST_XDIST_WORKER"]
''', test_a='''
import os, pytest, time
@pytest.mark.parametrize("n", range(8))
def test_a(n, worker_id, testrun_uid, request, tmp_path):
    time.sleep(.05)
    assert worker_id == os.environ["PYTEST_XDIST_WORKER"] == request.config.workerinput["workerid"]
    assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2" and os.environ["PYTEST_XDIST_TESTRUNUID"] == testrun_uid
    assert request.config.workerinput["mine"] == ("a", b"b", {1})
    assert "popen-" + worker_id in str(tmp_path)
    assert request.config.option.dist == "no" and request.config.option.numprocesses is None
''')
    for env in ({}, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}):
        got = comb(tmp_path, "-s", *(["-p", "pytest_comb.plugin"] if env else []), env=env)
        assert got.counts == {"passed": 8}, got.out
        assert re.findall(r"down (gw\d) (gw\d) None", got.out)


def test_fixtures_are_made_once_a_worker(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time
@pytest.fixture(scope="session")
def made():
    with open("made", "a") as file: file.write("+")
    yield
    with open("made", "a") as file: file.write("-")
@pytest.mark.parametrize("n", range(30))
def test_a(made, n): time.sleep(.01)
''')
    assert comb(tmp_path).counts == {"passed": 30}
    text = (tmp_path / "made").read_text()
    assert text.count("+") == text.count("-") == 2


def test_a_running_test_holds_no_other_back(tmp_path):
    write(tmp_path, test_a="".join("def test_%d():\n    import time; time.sleep(%s)\n" % pair
                                   for pair in enumerate([1.5, 1.5, 0.01, 0.01])))
    got = comb(tmp_path)
    assert got.counts == {"passed": 4}
    assert float(re.search(r" in (\d+\.\d+)s", got.last()).group(1)) < 2.8


def test_locks_and_serial(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time
def alone(name):
    os.mkdir(name)
    time.sleep(.03)
    os.rmdir(name)
@pytest.mark.exclusive("db")
@pytest.mark.parametrize("n", range(10))
def test_db(n): alone("db")
@pytest.mark.serial
@pytest.mark.parametrize("n", range(4))
def test_serial(n):
    assert not os.path.exists("db") and not os.path.exists("free")
    alone("serial")
@pytest.mark.parametrize("n", range(10))
def test_free(n):
    assert not os.path.exists("serial")
    os.makedirs("free", exist_ok=True)
    time.sleep(.02)
    try: os.rmdir("free")
    except OSError: pass
''')
    got = comb(tmp_path, "-n4", "--strict-markers")
    assert got.counts == {"passed": 24}, got.out


def test_without_the_flag_nothing_changes(tmp_path):
    write(tmp_path, test_a="def test_a(request):\n    assert not hasattr(request.config, 'workerinput')\n")
    got = run(tmp_path, "-p", "pytest_comb.plugin")
    assert got.counts == {"passed": 1}
    assert "comb:" not in got.out


def test_auto_and_ini(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '3'\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\ncomb = true\n")
    assert run(tmp_path, env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"}).counts == {"passed": 1}
    assert run(tmp_path, "-n3").counts == {"passed": 1}


def test_n_alone_where_xdist_is_missing(tmp_path):
    write(tmp_path, test_a="def test_a(worker_id): assert worker_id == 'gw0'\n")
    got = run(tmp_path, "-p", "no:xdist", "-n2")
    assert got.counts == {"passed": 1}
    assert "comb: 2 workers" in got.out


def test_pdb_with_workers_is_a_usage_error(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    assert comb(tmp_path, "--pdb").code == 4
    assert run(tmp_path, "--comb", "--pdb").counts == {"passed": 1}


@pytest.mark.parametrize("shows, said", [("--setup-plan", "SETUP    F tmp_path"), ("--fixtures-per-test", "tmp_path")])
def test_what_is_only_shown_is_shown_without_workers(tmp_path, shows, said):
    write(tmp_path, test_a="def test_a(tmp_path): pass\n")
    got = comb(tmp_path, shows)
    assert got.code == 0 and said in got.out and "bringing up nodes" not in got.out


@pytest.mark.parametrize("reader", [
    "import os\nname = os.environ.get('PYTEST_XDIST_WORKER', 'master')\n",
    "import os\nname = os.environ['PYTEST_XDIST_WORKER']\n",
    "def pytest_configure(config):\n    global name\n    name = config.workerinput['workerid'] "
    "if hasattr(config, 'workerinput') else ''\n",
])
def test_who_asks_for_the_worker_before_the_fork_is_asked_in_each_worker(tmp_path, reader):
    write(tmp_path, conftest="import os\nos.environ.setdefault('PYTEST_XDIST_WORKER', 'master')\n"[:10] + reader, test_a='''
import conftest, os, time, pytest
@pytest.mark.parametrize("n", range(6))
def test_a(n, worker_id):
    time.sleep(.1)
    assert conftest.name == worker_id
    open("ran-" + worker_id, "w").close()
''')
    if "['PYTEST" in reader:
        write(tmp_path, conftest="import os\nif 'PYTEST_XDIST_WORKER' in os.environ:\n    "
                                 "name = os.environ['PYTEST_XDIST_WORKER']\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" in got.out and re.search(r"conftest\.py:\d+ reads", got.out)
    assert len(list(tmp_path.glob("ran-*"))) == 2


def test_who_copies_the_environment_asks_nothing(tmp_path):
    write(tmp_path, conftest="import os\ncopy = os.environ.copy()\nother = dict(os.environ)\nhere = 'X' in os.environ\n",
          test_a="def test_a(): pass\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 1}
    assert "start=import" not in got.out


def test_threads_after_collection_are_not_forked(tmp_path):
    write(tmp_path, conftest="import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n",
          test_a="def test_a(): pass\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 1}, got.out
    assert "start=import" in got.out and "threads" in got.out


def test_import_start_collects_the_same(tmp_path):
    write(tmp_path, test_mixed=MIXED, test_bad="import no_such_module\n")
    for args in ([], ["--continue-on-collection-errors"], ["-k", "parameters", "--ignore=test_bad.py"]):
        expected, got = serial(tmp_path, *args), comb(tmp_path, "--comb-start=import", *args)
        assert (got.code, got.counts, got.outcomes) == (expected.code, expected.counts, expected.outcomes), got.out


def test_import_start_survives_a_crash(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', range(12))\n"
                           "def test_a(n):\n    if n == 3: os._exit(3)\n")
    assert comb(tmp_path, "--comb-start=import").counts == {"failed": 1, "passed": 11}


def test_workers_that_collect_different_tests_are_an_error(tmp_path):
    write(tmp_path, test_a="import os, pytest\n@pytest.mark.parametrize('n', [os.getpid(), 1])\ndef test_a(n): pass\n")
    got = comb(tmp_path, "--comb-start=import")
    assert got.code == 2
    assert "Different tests were collected" in got.out


def test_too_many_workers(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\n")
    got = comb(tmp_path, "-n2000")
    assert got.code == 4 and "2000 workers" in got.out
    assert comb(tmp_path, "-n1000").counts == {"passed": 1}


SLOW_FORKS = '''
import os, time
os.register_at_fork(after_in_parent=lambda: time.sleep(0.3))
'''


def test_workers_are_forked_while_tests_wait(tmp_path):
    write(tmp_path, conftest=SLOW_FORKS,
          test_a="import pytest\n@pytest.mark.parametrize('n', range(40))\n"
                 "def test_a(n, worker_id): open('%s-%d' % (worker_id, n), 'x').close()\n")
    got = run(tmp_path, "--comb", "-n20")
    assert got.code == 0 and "40 passed" in got.out
    ran = [path.name for path in tmp_path.glob("gw*-*")]
    assert len(ran) == 40
    assert len({name.split("-")[0] for name in ran}) < 5


def test_workers_that_collect_are_quicker_than_the_word_of_what_was_collected(tmp_path):
    write(tmp_path, conftest="import os, time\ndef pytest_report_collectionfinish():\n"
                             "    time.sleep(0.5 if os.environ.get('PYTEST_XDIST_WORKER') == 'gw0' else 0)\n",
          test_a="def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n")
    assert comb(tmp_path, "--comb-start=import").counts == {"passed": 3}


HOOKS = "def pytest_xdist_make_scheduler(config, log): raise SystemExit(9)\ndef pytest_xdist_getremotemodule(): raise SystemExit(9)\n"


@pytest.mark.parametrize("args", [(), ("-q",), ("-p", "no:xdist")])
def test_hooks_of_xdist_that_are_not_called_are_told(tmp_path, args):
    write(tmp_path, conftest=HOOKS, test_a="def test_a(): pass\ndef test_b(): pass\n")
    done = comb(tmp_path, *args)
    assert done.code == 0 and done.counts["passed"] == 2, done.out
    for line, name in ((1, "pytest_xdist_make_scheduler"), (2, "pytest_xdist_getremotemodule")):
        assert done.out.count(f"conftest.py:{line} implements {name}, which is not called") == 1, done.out
    assert "-n N --no-comb" in done.out
    assert done.out.count("which is not called") == 2  # and nothing of pytest-xdist's own


@pytest.mark.parametrize("args", [("-Werror",), ("-Werror", "-q"), ("-Werror::pytest.PytestWarning", "-p", "no:xdist")])
def test_a_hook_that_is_not_called_is_told_where_warnings_are_errors(tmp_path, args):
    write(tmp_path, conftest=HOOKS, test_a="def test_a(): pass\ndef test_b(): pass\n")
    done = comb(tmp_path, *args)
    assert done.code == 0 and done.counts == {"passed": 2}, done.out
    for line, name in ((1, "pytest_xdist_make_scheduler"), (2, "pytest_xdist_getremotemodule")):
        assert done.out.count(f"comb: conftest.py:{line} implements {name}, which is not called") == 1, done.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("start", ["auto", "shard", "import"])
def test_standard_streams_may_be_closed(tmp_path, closed, start):
    write(tmp_path, test_a="import sys\ndef test_a(capfd):\n    print(sys.stdin.fileno)\ndef test_b(): pass\n", test_b="def test_c(): pass")
    words = '"%s" -m pytest --comb -n2 --junitxml=report.xml --comb-start=%s %s' % (sys.executable, start, closed)
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, timeout=20)
    assert done.returncode == 0
    assert (tmp_path / "report.xml").read_text().count("<testcase") == 3
