"""comb run: pytest's own run, output and status, with what is missing named."""
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

COMB = os.environ["COMB"]


@pytest.fixture
def suite(tmp_path):
    """A function that writes a suite and returns a function that runs comb on it."""

    def write(text, ini="[pytest]\n", **more):
        (tmp_path / "pytest.ini").write_text(ini)
        (tmp_path / "test_it.py").write_text(textwrap.dedent(text))
        for name, content in more.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))

        def run(*args, **how):
            return subprocess.run(
                [COMB, "run", str(tmp_path), "--python", sys.executable, *args],
                capture_output=True,
                text=True,
                timeout=60,
                **how,
            )

        run.root = tmp_path
        run.argv = [COMB, "run", str(tmp_path), "--python", sys.executable]
        return run

    return write


def test_output_and_status_are_pytests_own(suite):
    run = suite("def test_a(): pass\ndef test_b(): assert 0\n")
    done = run("--engine", "serial")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert done.stderr == "comb: serial\n"
    assert run("--engine", "serial", "--", "-k", "test_a").returncode == 0
    assert run("--engine", "serial", "--", "-k", "nothing").returncode == 5
    assert run("--engine", "serial", "--", "--no-such-option").returncode == 4
    assert run("--engine", "serial", "-q", "--", "--version").returncode == 0


@pytest.mark.parametrize("how", ["import os; os._exit(0)", "import pytest; pytest.exit('enough', returncode=0)"])
def test_what_was_collected_and_did_not_run_is_named(suite, how):
    run = suite(f"def test_a(): pass\ndef test_b(): {how}\ndef test_c(): pass\n")
    done = run("--engine", "serial")
    assert done.returncode == 1
    assert "collected tests did not run" in done.stderr
    assert "test_it.py::test_c" in done.stderr
    assert "test_it.py::test_a" not in done.stderr


ENDS = {
    "killed": ("os.kill(os.getpid(), 9)", 128 + 9, "killed by signal 9"),
    "exit code 0": ("os._exit(0)", 1, "before its session had come to an end (exit code 0)"),
    "exit code 3": ("os._exit(3)", 3, "before its session had come to an end (exit code 3)"),
}


@pytest.mark.parametrize("engine", [("--engine", "comb", "-n", "2"), ("--engine", "xdist", "-n", "2"), ("--engine", "serial")],
                         ids=lambda words: words[1])
@pytest.mark.parametrize("how", ENDS)
def test_a_session_that_is_killed_names_what_did_not_run(suite, engine, how):
    """pytest's own process ends in the middle of the run: in its third report."""
    end, status, said = ENDS[how]
    run = suite("import pytest, time\n@pytest.mark.parametrize('n', range(30))\ndef test_a(n): time.sleep(0.1)\n", conftest=f"""
        import os
        ran = []
        def pytest_runtest_logfinish(nodeid):
            ran.append(nodeid)
            if len(ran) == 16 and "PYTEST_XDIST_WORKER" not in os.environ:
                {end}
    """)
    done = run(*engine)
    assert done.returncode == status, done.stderr
    assert said in done.stderr and " of 30 collected tests did not run:" in done.stderr, done.stderr
    missing = int(re.search(r"comb: (\d+) of 30", done.stderr)[1])
    assert 10 <= missing <= 26 and "test_it.py::test_a[" in done.stderr


@pytest.mark.parametrize("engine", [("--engine", "comb", "-n", "2"), ("--engine", "serial")], ids=lambda words: words[1])
def test_a_session_that_ends_while_it_collects_is_not_green(suite, engine):
    run = suite("import os\nos._exit(0)\n")
    done = run(*engine)
    assert done.returncode != 0, done.stdout + done.stderr
    assert run("--engine", "serial", "--", "--help").returncode == 0


def test_a_time_limit_names_what_did_not_run(suite):
    run = suite("import time\ndef test_a(): pass\ndef test_b(): time.sleep(60)\ndef test_c(): pass\n")
    done = run("--engine", "serial", "--timeout", "6s")
    assert done.returncode == 1 and "test_it.py::test_c" in done.stderr and "test_it.py::test_a" not in done.stderr, done.stderr


def test_collecting_only_is_no_incomplete_run(suite):
    run = suite("def test_a(): pass\n")
    done = run("--engine", "serial", "--", "--collect-only", "-q")
    assert done.returncode == 0
    assert "did not run" not in done.stderr
    assert run("--engine", "serial", "--", "--setup-plan").returncode == 0


def test_xdist_runs_in_the_workers_asked_for(suite):
    run = suite("import time\ndef test_a(worker_id): print('on', worker_id); assert 0\n" * 1)
    done = run("-n", "2", "--engine", "xdist")
    assert done.returncode == 1
    assert "on gw" in done.stdout
    assert done.stderr.startswith("comb: 2 workers, xdist, --dist loadgroup")


@pytest.mark.parametrize(
    "args, said",
    [
        (["--engine", "warp"], "--engine wants one of "),
        (["-n", "many"], "-n wants auto or a number of workers from 0 to 10000, not 'many'"),
        (["-n", "3", "--engine", "serial"], "runs all tests in one process"),
    ],
)
def test_bad_usage_is_refused(suite, args, said):
    run = suite("def test_a(): pass\n")
    done = run(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "behind, said",
    [
        (["-n", "3"], "comb: 3 workers, comb's engine, --dist loadgroup"),
        (["-n3", "--dist=loadfile"], "comb: 3 workers, comb's engine, --dist loadfile"),
        (["--numprocesses=1"], "comb: 1 worker, comb's engine, --dist loadgroup"),
        (["-n0", "--comb-gap"], "comb: serial"),
    ],
    ids=lambda words: words if isinstance(words, str) else " ".join(words),
)
def test_workers_asked_for_behind_the_dashes_are_those_announced(suite, behind, said):
    run = suite("import pytest\n@pytest.mark.parametrize('i', range(8))\ndef test_a(i): pass\n")
    done = run("--json", "-n", "2", "--", *behind)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines()[0] == said
    answer = json.loads(done.stdout)
    workers = re.search(r"(\d+) worker", said)
    assert answer["workers"] == (int(workers[1]) if workers else 0)
    assert answer["engine"] == ("comb" if workers else "serial")


def test_one_process_knows_the_options_of_the_engines_plugin(suite):
    """Also where nothing loads that plugin by itself."""
    run = suite("def test_a(): pass\n")
    done = run("-n", "0", "--", "--comb-gap", env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines()[0] == "comb: serial" and "1 passed" in done.stdout


def test_workers_behind_the_dashes_need_an_engine_that_has_them(suite):
    done = suite("def test_a(): pass\n")("--engine", "serial", "--", "-n", "2")
    assert done.returncode == 2
    assert "--engine serial runs all tests in one process; -n 2 has no place there" in done.stderr


@pytest.mark.parametrize("engine", [(), ("--engine", "comb"), ("--engine", "xdist")], ids=lambda words: "".join(words[1:]))
@pytest.mark.parametrize("ini", ["[pytest]\n", "[pytest]\naddopts = -n 2\n"], ids=["plain", "configured"])
def test_what_only_one_process_can_do_is_done_in_one(suite, engine, ini):
    """A debugger, the set-ups that pytest prints while it makes them, and tests in order until one fails."""
    run = suite("def test_a(tmp_path): assert 0\n", ini=ini)
    done = run(*engine, "--", "--pdb", input="c\n")
    assert done.stderr.splitlines()[0] == "comb: serial (--pdb)"
    assert done.returncode == 1 and "(Pdb)" in done.stdout, done.stdout + done.stderr
    done = run(*engine, "--", "--setup-plan")
    assert done.returncode == 0 and "SETUP    F tmp_path" in done.stdout, done.stdout + done.stderr
    done = run(*engine, "-n", "2", "--", "--sw")
    assert done.stderr.splitlines()[0] == "comb: serial (--sw)" and "bringing up" not in done.stdout
    done = run(*engine, "-n", "2", "--", "--pdb")
    assert done.returncode == 4 and "incompatible with distributing tests" in done.stderr


def test_the_projects_own_configuration_counts(suite):
    run = suite("def test_a(worker_id): assert worker_id != 'master'\n", ini="[pytest]\naddopts = -n 1 --dist load\n")
    done = run()
    assert done.returncode == 0, done.stdout
    assert done.stderr == "comb: as configured: -n 1 --dist load (comb's engine)\n"
    assert "comb: 1 worker, dist=load" in done.stdout
    done = run("--engine", "xdist")
    assert (done.returncode, done.stderr) == (0, "comb: as configured: -n 1 --dist load (xdist)\n")
    assert "created: 1/1 worker" in done.stdout
    assert run("-n", "0").returncode == 1


def test_combs_engine_is_the_first_choice(suite):
    run = suite("""
        import os, sys, pytest
        @pytest.mark.parametrize('i', range(6))
        def test_a(i, worker_id):
            assert worker_id.startswith('gw')
            assert not [name for name in os.environ if name.startswith('COMB_') and name not in ('COMB_PLUGIN_DIR', 'COMB_RUN')]
            assert 'comb-run' not in os.environ.get('PYTHONPATH', '')
    """)
    done = run("-n", "2", "-v")
    assert done.returncode == 0, done.stdout
    assert done.stderr == "comb: 2 workers, comb's engine, --dist loadgroup\n"
    assert "comb: 2 workers, dist=loadgroup" in done.stdout
    assert "start=import" not in done.stdout.replace("start=auto", "")
    result = json.loads(run("--json").stdout)
    assert (result["engine"], result["passed"], result["not_run"]) == ("comb", 6, [])
    assert run("-n", "2", "--", "-k", "nothing").returncode == 5
    assert run("-n", "2", "--", "--no-such-option").returncode == 4


@pytest.mark.parametrize("ini", ["[pytest]\naddopts = -p no:xdist -n 2\n", "[pytest]\naddopts = -n 2 --dist=loadscope\n"])
def test_combs_engine_beside_xdist_and_without_it(suite, ini):
    run = suite("def test_a(worker_id): assert worker_id != 'master'\ndef test_b(): pass\n", ini=ini)
    for more in ([], ["--", "-p", "no:xdist"], ["--", "-pno:xdist"]):
        done = run(*more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "comb: 2 workers" in done.stdout
    assert run("-n", "3", "--", "-p", "no:xdist").returncode == 0


def test_a_configured_engine_can_be_refused(suite):
    run = suite("def test_a(worker_id): assert worker_id != 'master'\n", ini="[pytest]\naddopts = --comb -n 2\n")
    done = run()
    assert (done.returncode, done.stderr) == (0, "comb: as configured: --comb -n 2 (comb's engine)\n")
    done = run("--engine", "xdist", "-n", "1")
    assert done.returncode == 0
    assert "created: 1/1 worker" in done.stdout
    assert run("--engine", "serial").returncode == 1
    assert run("-n", "0").returncode == 1


def test_control_c_ends_combs_engine_with_a_summary(suite):
    run = suite(WAITING)
    terminal = Terminal([*run.argv, "-n", "2"])
    wait_for(run.root / "started")
    os.write(terminal.fd, b"\x03")
    assert terminal.finish() == 2, terminal.seen
    assert b"Interrupted" in terminal.seen or b"KeyboardInterrupt" in terminal.seen
    assert b"did not run, although" not in terminal.seen


def test_what_did_not_run_is_named_under_combs_engine_too(suite):
    run = suite("def test_a(): pass\ndef test_b(): import pytest; pytest.exit('enough', returncode=0)\ndef test_c(): pass\n")
    done = run("-n", "1")
    assert done.returncode != 0, done.stdout
    assert "test_it.py::test_c" in done.stdout + done.stderr


def foreign(folder, version="0.0.1"):
    """A project's environment that holds a pytest-comb of another version, whose entry point is another."""
    site = folder / "site"
    info = site / f"pytest_comb-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pytest-comb\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[pytest11]\ncomb = pytest_comb.old_plugin\n")
    (site / "pytest_comb").mkdir()
    (site / "pytest_comb" / "__init__.py").write_text("")
    (site / "pytest_comb" / "old_plugin.py").write_text("raise RuntimeError('the old one')\n")
    return {**os.environ, "PYTHONPATH": str(site)}


def test_another_version_in_the_project_is_passed_over(suite, tmp_path_factory):
    run = suite("def test_a(worker_id): assert worker_id != 'master'\ndef test_b(): pass\n")
    env = foreign(tmp_path_factory.mktemp("environment"))
    done = run("-n", "2", "-v", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pytest-comb 0.0.1 is installed there" in done.stderr
    assert run("--engine", "serial", env=env).returncode == 1  # of test_a, not of the old plugin


@pytest.fixture(scope="module")
def newest():
    """Python with pytest 9.2 and pytest-xdist 3.8.0, which does not heed xdist_group there (its issue 1386)."""
    compat = os.path.join(os.path.dirname(__file__), "..", "compat")
    sys.path.insert(0, compat)
    try:
        import environment

        this = environment.Interpreter(sys.executable, sys.version_info[:3])
        return environment.environment(this, ["pytest", "pytest-xdist==3.8.0"], "constraints-pytest9.2.txt")
    except RuntimeError as error:
        pytest.skip(f"pytest 9.2 cannot be had: {error}")
    finally:
        sys.path.remove(compat)


def test_groups_stay_together_where_xdist_parts_them(suite, newest):
    run = suite("""
        import pathlib, os, time, pytest
        @pytest.mark.xdist_group("together")
        @pytest.mark.parametrize("i", range(8))
        def test_a(i):
            time.sleep(0.02)
            with open("who", "a") as file:
                file.write(os.environ["PYTEST_XDIST_WORKER"] + chr(10))
        @pytest.mark.parametrize("i", range(8))
        def test_b(i): time.sleep(0.02)
    """)
    for engine in ("comb", "xdist"):
        (run.root / "who").unlink(missing_ok=True)
        done = run("-n", "4", "--engine", engine, "--python", str(newest))
        assert done.returncode == 0, done.stdout + done.stderr
        workers = set((run.root / "who").read_text().split())
        assert (len(workers) == 1) == (engine == "comb"), (engine, workers)


FREE_THREADED = """
import sysconfig
plain = sysconfig.get_config_var
sysconfig.get_config_var = lambda name: 1 if name == 'Py_GIL_DISABLED' else plain(name)
"""


def test_an_interpreter_that_cannot_load_the_extension(suite, tmp_path_factory):
    run = suite("import pytest\n@pytest.mark.parametrize('i', range(3))\ndef test_a(i): pass\n")
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(FREE_THREADED)
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = run("-n", "2", "-v", env=env)
    assert done.returncode == 0, done.stderr
    assert "comb's engine cannot be loaded by" in done.stderr and "free-threaded build" in done.stderr
    assert "comb: 2 workers, xdist, --dist loadgroup" in done.stderr
    assert "tests that do not run cannot be noticed" in done.stderr
    assert "3 passed" in done.stdout
    refused = run("--engine", "comb", env=env)
    assert refused.returncode == 3
    assert "--engine comb: comb's engine cannot be loaded by" in refused.stderr


def test_json_is_one_object_and_pytest_speaks_elsewhere(suite):
    run = suite("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no')\n")
    done = run("--engine", "serial", "--json")
    result = json.loads(done.stdout)
    assert (result["collected"], result["passed"], result["skipped"], result["not_run"]) == (2, 1, 1, [])
    assert (result["engine"], result["workers"], result["exit_code"]) == ("serial", 0, 0)
    assert "1 passed, 1 skipped" in done.stderr


def test_runs_are_remembered_and_waiting_suites_get_more_workers_than_cores(suite):
    cores = len(os.sched_getaffinity(0))
    run = suite("import time, pytest\n@pytest.mark.parametrize('i', range(40))\ndef test_a(i): time.sleep(0.05)\n")
    assert run("--engine", "serial").returncode == 0
    with sqlite3.connect(run.root / ".comb" / "history.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert any("run" in name for name in tables)
    if cores > 8:
        pytest.skip("too many cores for this small a suite")
    result = json.loads(run("--engine", "xdist", "-n", "auto", "--json").stdout)
    assert result["workers"] > cores
    assert result["passed"] == 40


def test_a_tree_that_cannot_be_written_is_no_obstacle(suite):
    run = suite("def test_a(): pass\n")
    (run.root / ".comb").write_text("in the way")
    done = run("--engine", "serial")
    assert done.returncode == 0
    assert "1 passed" in done.stdout
    assert "runs are not remembered here" in done.stderr


def test_input_reaches_the_tests(suite):
    run = suite("def test_a(): assert input() == 'hello'\n")
    assert run("--engine", "serial", "--", "-s", input="hello\n").returncode == 0


WAITING = """
    import pathlib, time, pytest
    @pytest.fixture
    def resource():
        yield
        pathlib.Path("torn-down").touch()
    def test_a(resource):
        pathlib.Path("started").touch()
        time.sleep(30)
    def test_b(): pass
"""


def wait_for(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_passed_on_and_the_summary_comes(suite, number):
    run = suite(WAITING)
    process = subprocess.Popen(
        [*run.argv, "--engine", "serial"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )
    wait_for(run.root / "started")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "KeyboardInterrupt" in out
    assert (run.root / "torn-down").exists()
    assert "did not run" not in err


class Terminal:
    """comb run in a pseudo-terminal, as a person sees it."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.environ.pop("NO_COLOR", None)
            os.execv(argv[0], argv)
        self.seen = b""

    def finish(self):
        """Reads to the end; the exit status."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.fd], [], [], 1)
            try:
                more = os.read(self.fd, 65536) if ready else None
            except OSError:
                break
            if more == b"":
                break
            self.seen += more or b""
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_pytest_gets_the_real_terminal(suite):
    run = suite("import sys\ndef test_a(): assert sys.__stdout__.isatty()\n")
    terminal = Terminal([*run.argv, "--engine", "serial", "--", "-s"])
    assert terminal.finish() == 0, terminal.seen
    assert re.search(rb"\x1b\[[0-9;]*m", terminal.seen)


def test_control_c_reaches_pytest_once(suite):
    run = suite(WAITING)
    terminal = Terminal([*run.argv, "--engine", "serial"])
    wait_for(run.root / "started")
    os.write(terminal.fd, b"\x03")
    assert terminal.finish() == 2
    assert terminal.seen.count(b"no tests ran") + terminal.seen.count(b"KeyboardInterrupt") >= 1
    assert (run.root / "torn-down").exists()
    assert b"comb: interrupted" not in terminal.seen


def test_a_time_limit_ends_a_hanging_suite(suite):
    run = suite("import time\ndef test_a(): time.sleep(60)\n")
    start = time.monotonic()
    done = run("--engine", "serial", "--timeout", "1s")
    assert done.returncode == 1
    assert time.monotonic() - start < 20
    assert "stopped at the time limit" in done.stderr


def test_a_killed_pytest_is_not_green(suite):
    run = suite("import os\ndef test_a(): os.kill(os.getpid(), 9)\n")
    done = run("--engine", "serial")
    assert done.returncode == 128 + 9
    assert "killed by signal 9" in done.stderr


def test_nothing_is_left_behind(suite, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("tmp")
    run = suite("def test_a(): pass\n")
    before = sorted(p.name for p in run.root.iterdir())
    assert run("--engine", "serial", "--", "-p", "no:cacheprovider", env={**os.environ, "TMPDIR": str(temporary)}).returncode == 0
    assert list(temporary.glob("comb-*")) == []
    after = sorted(p.name for p in run.root.iterdir() if p.name != "__pycache__")
    assert after == sorted([*before, ".comb"])
