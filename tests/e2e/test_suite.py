"""What comb sees of a suite that it runs: every test, whatever becomes of it."""
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

BUILD = Path(os.environ["COMB"]).resolve().parent
DUMP = BUILD / "tests" / "tools" / "suite_dump"


@pytest.fixture
def project(tmp_path):
    """Writes files into a project and returns a function that runs its suite."""

    def write(**files):
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

        def run(*settings, env=None):
            done = subprocess.run(
                [DUMP, tmp_path, os.environ.get("TEST_PYTHON", sys.executable), *settings],
                capture_output=True,
                env={"COMB_PLUGIN_DIR": str(BUILD / "plugin"), **os.environ, **(env or {})},
            )
            return json.loads(done.stdout.decode())

        return run

    write.root = tmp_path
    return write


def outcomes(run):
    return {test["id"].split("::", 1)[1]: test["outcome"] for test in run["tests"]}


def test_a_test_that_sets_the_clock_lasts_as_long_as_it_lasted(project):
    run = project(
        test_it="""
        import time, pytest, _pytest.timing
        @pytest.fixture
        def years(monkeypatch):
            for name in ("perf_counter", "time"):
                monkeypatch.setattr(_pytest.timing, name, lambda: 1e12)
        def test_late(years): pass
        def test_plain(): time.sleep(0.05)
        """
    )()
    late, plain = run["tests"]
    assert 0 <= sum(late[phase] for phase in ("setup_s", "call_s", "teardown_s")) < 10
    assert plain["call_s"] >= 0.05


def test_every_outcome_is_told_apart(project):
    run = project(
        test_it="""
        import pytest, unittest
        def test_pass(): pass
        def test_fail(): assert 0
        def test_skip(): pytest.skip("no")
        @pytest.mark.xfail
        def test_xfail(): assert 0
        @pytest.mark.xfail
        def test_xpass(): pass
        @pytest.mark.xfail(strict=True)
        def test_strict(): pass
        @pytest.fixture
        def broken(): raise ValueError
        def test_setup(broken): pass
        @pytest.fixture
        def dirty():
            yield
            raise ValueError
        def test_teardown(dirty): pass
        class TestUnit(unittest.TestCase):
            def test_unit(self): pass
            @unittest.expectedFailure
            def test_expected(self): self.fail()
        """
    )()
    assert outcomes(run) == {
        "test_pass": "passed",
        "test_fail": "failed",
        "test_skip": "skipped",
        "test_xfail": "xfailed",
        "test_xpass": "xpassed",
        "test_strict": "failed",
        "test_setup": "error",
        "test_teardown": "error",
        "TestUnit::test_unit": "passed",
        "TestUnit::test_expected": "xfailed",
    }
    assert not run["green"] and run["exit"] == 1


def test_where_a_test_stands(project):
    run = project(
        base="""
        class Base:
            def test_inherited(self): pass
        """,
        test_it="""
        import functools, pytest
        from base import Base
        pytestmark = pytest.mark.unit

        def wrap(f):
            @functools.wraps(f)
            def inner(*a, **k): return f(*a, **k)
            return inner

        @wrap
        @pytest.mark.slow
        def test_wrapped(): pass

        class TestOuter:
            class TestInner(Base):
                @pytest.mark.parametrize("n", [1, 2])
                def test_own(self, n): pass

        def make(n):
            def test(): assert n
            return test
        test_made = make(1)
        for name in ("test_loop_a", "test_loop_b"):
            globals()[name] = make(2)
        """,
    )()
    tests = {test["id"].split("::")[-1]: test for test in run["tests"]}
    inherited = tests["test_inherited"]
    assert (inherited["path"], inherited["source_path"], inherited["source_line"]) == ("test_it.py", "base.py", 3)
    assert inherited["class"] == "TestOuter::TestInner"
    assert inherited["bases"] == ["test_it.py::TestOuter.TestInner", "base.py::Base", "test_it.py::TestOuter"]
    assert tests["test_wrapped"]["source_line"] == 11 and tests["test_wrapped"]["in_source"]
    assert sorted(tests["test_wrapped"]["marks"]) == ["slow", "unit"]
    assert tests["test_own[1]"]["function"] == "test_own" and tests["test_own[1]"]["in_source"]
    assert not tests["test_made"]["in_source"] and not tests["test_loop_b"]["in_source"]


def test_equal_ids_are_different_tests(project):
    run = project(
        test_it="""
        import pytest
        @pytest.mark.parametrize("n", [1, 0], ids=["same", "same"])
        def test_it(n): assert n
        """,
        conftest="""
        def pytest_collection_modifyitems(items):
            for item in items:
                item._nodeid = "test_it.py::test_it[same]"
        """,
    )
    for settings in ([], ["workers=2"]):
        tests = run(*settings)["tests"]
        assert [(t["id"], t["outcome"]) for t in tests] == [
            ("test_it.py::test_it[same]", "passed"),
            ("test_it.py::test_it[same]", "failed"),
        ]
    # xdist itself loses all but one of them here; comb does not call that a green run.
    assert not run("workers=2", "dist=loadfile")["green"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_test_that_ends_the_process_is_no_green_run(project, code):
    run = project(
        test_it=f"""
        import os
        def test_a(): pass
        def test_b(): os._exit({code})
        def test_c(): pass
        """
    )()
    assert outcomes(run) == {"test_a": "passed", "test_b": "crashed", "test_c": "not run"}
    assert not run["green"] and run["exit"] == code


def test_pytest_exit_names_the_test_that_called_it(project):
    run = project(
        test_it="""
        import pytest
        def test_a(): pass
        def test_b(): pytest.exit("enough", 0)
        def test_c(): pass
        """
    )()
    assert outcomes(run) == {"test_a": "passed", "test_b": "not run", "test_c": "not run"}
    assert "Exit: enough" in run["tests"][1]["failure"] and not run["green"]


@pytest.mark.parametrize("dist", ["load", "worksteal"])
def test_a_crashed_worker_costs_one_test(project, dist):
    run = project(
        test_it="""
        import os, signal
        def test_a(): pass
        def test_b(): os.kill(os.getpid(), signal.SIGKILL)
        def test_c(): pass
        def test_d(): pass
        """
    )("workers=2", f"dist={dist}", "timeout=60s")
    assert outcomes(run) == {"test_a": "passed", "test_b": "crashed", "test_c": "passed", "test_d": "passed"}


def test_workers_and_order_are_known(project):
    body = "\n".join(f"def test_{n}(): pass" for n in range(20))
    run = project(test_a=body, test_b=body)("workers=2")
    assert run["green"] and {test["worker"] for test in run["tests"]} == {0, 1}
    for worker in (0, 1):
        orders = [test["order"] for test in run["tests"] if test["worker"] == worker]
        assert sorted(orders) == list(range(len(orders)))


def test_combs_own_engine_is_seen_alike(project):
    body = "\n".join(f"def test_{n}(): pass" for n in range(9)) + "\ndef test_bad(): assert 0\n"
    last = "import os\ndef test_c(): os._exit(1)\ndef test_d(tmp_path): open('x', 'w')"
    run = project(test_a=body, test_b=body, test_c=last)
    result = run("comb=2", "footprint", "timeout=60s")
    assert {test["worker"] for test in result["tests"]} <= {0, 1, 2}
    expected = {name: "failed" if "bad" in name else "passed" for name in outcomes(result)} | {"test_c": "crashed"}
    assert outcomes(result) == expected and len(result["tests"]) == 22
    assert ("test_d", "c", f"{project.root}/x") in touched(result, "write")


def test_groups_do_not_change_the_id(project):
    run = project(
        test_it="""
        import pytest
        @pytest.mark.xdist_group("db")
        def test_a(): pass
        """
    )("workers=2", "dist=loadgroup")
    assert (run["tests"][0]["id"], run["tests"][0]["group"]) == ("test_it.py::test_a", "db")


def test_texts_that_are_no_text_survive(project):
    run = project(
        test_it=r"""
        import pytest
        def test_surrogates(): assert False, "lone \ud800, undecodable \udcff, 100%"
        @pytest.mark.parametrize("n", [1], ids=["caf\xe9 %41"])
        def test_id(n): pass
        """
    )
    for settings in ([], ["workers=1"]):
        tests = run(*settings)["tests"]
        assert "lone %ED%A0%80, undecodable %ED%B3%BF, 100%25" in tests[0]["failure"]
        assert "caf" in tests[1]["id"] and "%2541" in tests[1]["id"]


def test_shuffling_is_repeatable_and_tears_no_class_apart(project):
    module = "\n".join(
        f"class Test{c}:\n" + "\n".join(f"    def test_{n}(self): pass" for n in range(5)) for c in "ABCD"
    )
    run = project(test_a=module, test_b=module)
    plain, first, again, other = run(), run("seed=7"), run("seed=7"), run("seed=8")

    def played(result):
        return [test["id"] for test in sorted(result["tests"], key=lambda test: test["order"])]

    assert [t["id"] for t in first["tests"]] == [t["id"] for t in plain["tests"]] == played(plain)
    assert played(first) == played(again)
    assert len({tuple(played(result)) for result in (plain, first, other)}) == 3
    classes = [name.rsplit("::", 1)[0] for name in played(first)]
    assert sum(a != b for a, b in zip(classes, classes[1:])) == 7
    assert run("seed=7", "workers=2")["green"]


def test_tests_run_in_the_order_told(project):
    run = project(
        test_it="""
        import pytest
        @pytest.mark.parametrize("n", range(5))
        def test_number(n): pass
        """
    )
    told = run("order=3,0,4")
    assert [test["id"] for test in told["tests"]] == [f"test_it.py::test_number[{n}]" for n in range(5)]
    assert [test["order"] for test in told["tests"]] == [1, -1, -1, 0, 2]
    assert [test["outcome"] for test in told["tests"]] == ["passed", "not run", "not run", "passed", "passed"]
    parallel = run("order=3,0,4", "workers=2")
    assert sorted(n for n, test in enumerate(parallel["tests"]) if test["outcome"] == "passed") == [0, 3, 4]


def test_collection_errors_name_file_and_line(project):
    run = project(
        test_good="def test_good(): pass\n",
        test_syntax="def test_it(:\n    pass\n",
        test_import="import os\n\nimport no_such_module_at_all\n",
    )()
    errors = {error["path"]: error["line"] for error in run["collect_errors"]}
    assert errors == {"test_syntax.py": 1, "test_import.py": 3}
    assert not run["green"]


@pytest.mark.parametrize(
    "conftest, line", [("x = 1\nimport no_such_module_at_all\n", 2), ("x = 1\n\ndef f(:\n", 3), ("\n1 / 0\n", 2)]
)
def test_a_broken_conftest_is_bad_input(project, conftest, line):
    run = project(conftest=conftest, test_it="def test_it(): pass\n")()
    assert run["status"] == 2
    assert run["file"].endswith("conftest.py") and run["line"] == line


def test_unknown_options_are_bad_input(project):
    run = project(test_it="def test_it(): pass\n")
    (project.root / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    result = run()
    assert result["status"] == 2 and "--no-such-option" in result["error"]


def test_a_hanging_suite_is_ended_and_read(project):
    run = project(
        test_it="""
        import time
        def test_a(): pass
        def test_b(): time.sleep(60)
        def test_c(): pass
        """
    )("timeout=8s")
    assert run["timed_out"] and outcomes(run) == {"test_a": "passed", "test_b": "not run", "test_c": "not run"}
    assert run["tests"][1]["failure"]


def test_the_suites_own_parallelism_is_off_in_a_serial_run(project):
    run = project(test_it="def test_it(): pass\n")
    (project.root / "pytest.ini").write_text("[pytest]\naddopts = -n2 --dist loadfile\n")
    assert run()["tests"][0]["worker"] == -1


def test_nothing_is_left_in_the_project_or_the_environment_of_the_tests(project):
    run = project(
        test_it="""
        import os, sys
        def test_it():
            assert not [name for name in os.environ if name.startswith("COMB_") and name not in ("COMB_PLUGIN_DIR", "COMB_RUN")]
            assert os.environ.get("PYTHONPATH", "") == "/given"
            assert "PYTEST_XDIST_WORKER" not in os.environ
        """
    )
    result = run(env={"PYTHONPATH": "/given", "PYTEST_XDIST_WORKER": "gw7", "PYTHONDONTWRITEBYTECODE": "1"})
    assert result["green"], result["tests"][0]["failure"]
    assert sorted(path.name for path in project.root.iterdir()) == ["pytest.ini", "test_it.py"]


def test_a_closed_or_redirected_descriptor_does_not_reach_the_record(project):
    run = project(
        test_it="""
        import os
        def test_close():
            os.closerange(3, 1024)
            for n in range(300):
                os.open("/dev/null", os.O_RDONLY)
        def test_after(): pass
        """
    )("--", "-p", "no:faulthandler", "-s")
    assert outcomes(run)["test_after"] == "passed"


def touched(run, kind):
    names = {test: name for test, name in enumerate(test["id"].split("::")[-1] for test in run["tests"])}
    return {
        (names.get(touch["test"], "import"), touch["phase"], touch["what"])
        for touch in run["touches"]
        if touch["kind"] == kind
    }


FOOTPRINTS = """
    import os, socket, sqlite3, subprocess, tempfile, pytest
    from pathlib import Path
    HERE = Path(__file__).parent

    Path("made-by-import").touch()

    def test_own_tmp(tmp_path):
        (tmp_path / "x").write_text("x")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "y").write_text("y")
        with tempfile.NamedTemporaryFile() as file: file.write(b"z")
        tempfile.TemporaryFile().close()
        sqlite3.connect(":memory:").close()
        sqlite3.connect(str(tmp_path / "own.db")).close()

    @pytest.fixture
    def resource():
        Path("setup").touch()
        yield
        os.remove("setup")

    def test_files(resource, monkeypatch):
        os.mkdir("folder"); os.rename("folder", "renamed"); os.rmdir("renamed")
        monkeypatch.chdir(HERE / "data")
        Path("relative").touch()
        os.symlink("target", "link")
        fd = os.open(HERE, os.O_RDONLY)
        os.mkdir("by-fd", dir_fd=fd); os.rmdir("by-fd", dir_fd=fd); os.close(fd)
        sqlite3.connect(f"file:{HERE}/uri.db?mode=rwc", uri=True).close()

    def test_reads(): (HERE / "data" / "input.txt").read_text()

    def test_sockets():
        with socket.socket() as s, socket.socket() as c:
            s.bind(("localhost", 0)); s.listen()
            c.connect(s.getsockname())
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s: s.bind(("::1", 0))
        with socket.socket(socket.AF_UNIX) as s: s.bind("\\0comb-test")
        with socket.socket(socket.AF_UNIX) as s: s.bind("here.sock")

    def test_programs():
        subprocess.run(["true"], check=True)
        os.system("true")
        if os.fork() == 0:
            open("by-child", "w").close()
            os._exit(0)
        os.wait()
"""


@pytest.mark.parametrize("settings", [[], ["workers=1"]])
def test_footprints(project, settings):
    root = str(project.root)
    run = project(test_it=FOOTPRINTS)
    (project.root / "data").mkdir()
    (project.root / "data" / "input.txt").write_text("x")
    result = run("footprint", *settings)
    assert result["green"], result["output"]
    assert {what for name, _, what in touched(result, "write") if name == "test_own_tmp"} == set()
    assert ("import", "i", f"{root}/made-by-import") in touched(result, "write")
    assert {(phase, what) for name, phase, what in touched(result, "write") if name == "test_files"} == {
        ("s", f"{root}/setup"),
        *(("c", f"{root}/{name}") for name in ("folder", "renamed", "data/relative", "data/link", "by-fd", "uri.db")),
    }
    assert ("test_reads", "c", f"{root}/data/input.txt") in touched(result, "read")
    binds = {what for _, _, what in touched(result, "bind")}
    assert {"tcp:127.0.0.1:0", "udp:[::1]:0", "unix:@comb-test", f"unix:{root}/here.sock"} == binds
    assert all(what.startswith("tcp:127.0.0.1:") for _, _, what in touched(result, "connect"))
    assert {what for _, _, what in touched(result, "spawn")} == {"true", "fork"}
    assert ("test_programs", "c", f"{root}/by-child") in touched(result, "write")
    places = {(touch["file"], touch["line"] > 0) for touch in result["touches"]}
    assert places == {("test_it.py", True)}
