"""comb mark: every test gets one category, whatever shape it has, and nothing else changes."""
import json
import os
import subprocess
import sys
import textwrap

import pytest

COMB = os.environ["COMB"]
UNMARKED = "not (unit or integration or slow)"
MARKERS = "[pytest]\nmarkers =\n    unit: u\n    integration: i\n    slow: s\n"


class Project:
    """A suite in a folder of its own."""

    def __init__(self, root):
        self.root = root
        self.write("pytest.ini", MARKERS)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())

    def comb(self, *arguments):
        return subprocess.run(
            [COMB, "mark", self.root, "--python", sys.executable, *arguments], capture_output=True, text=True
        )

    def mark(self, *arguments):
        """Runs comb mark --json and returns its gates by number."""
        done = self.comb("--json", *arguments)
        assert done.stdout, done.stderr
        result = json.loads(done.stdout)
        assert done.returncode == (0 if result["passed"] else 1), done.stderr
        return {gate["gate"]: gate for gate in result["gates"]}

    def pytest(self, *arguments):
        """Plain pytest, without comb."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.root, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def selected(self, marks):
        """Names of the tests that plain pytest selects."""
        out = self.pytest("--collect-only", "-m", marks).stdout
        return [line.split("::", 1)[1] for line in out.splitlines() if "::" in line]

    def files(self):
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.suffix and not {".comb", "__pycache__"} & set(path.parts)
        }


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


SHAPES = {
    "tests/base.py": """
        class Base:
            def test_inherited(self): pass
        """,
    "tests/test_inherit.py": """
        from base import Base
        import time
        class TestChild(Base):
            def test_own(self): time.sleep(0.12)
        """,
    "tests/test_classes.py": """
        '''A docstring.'''
        from __future__ import annotations

        import typing

        if typing.TYPE_CHECKING:
            import pytest

        class TestOuter:

            # a comment

            class TestInner:
                def test_deep(self): pass
        class TestLine: test_line = lambda self: None
        def test_write():
            open("x", "w").close()
        """,
    "tests/test_names.py": """
        import pytest as pt
        from pytest import mark

        pytestmark = [pt.mark.filterwarnings("ignore")]

        @mark.parametrize(
            "n",
            [
                1,
                2,
            ],
        )

        # between
        @pt.mark.skip
        @pt.mark.usefixtures(
            "tmp_path",
        )
        async def test_async(n): pass

        def test_plain(): pass
        """,
    "tests/test_crlf.py": b"\xef\xbb\xbfimport os\r\n\r\n\r\ndef test_crlf():\r\n\tassert os\r\n",
    "tests/test_latin.py": b"# -*- coding: latin-1 -*-\ndef test_latin():\n    assert '\xe9' == '\\xe9'\n",
    "tests/test_feed.py": b"import os\n\x0c\ndef test_feed():\n\tassert os\n"
    b"\x0c\nclass TestTab:\n\tdef test_tab(self):\n\t\tpass\n",
    "tests/test_unit.py": """
        import unittest
        class Case(unittest.TestCase):
            def test_case(self): pass
        class Server(unittest.TestCase):
            @classmethod
            def setUpClass(cls): open("server", "w").close()
            def test_server(self): pass
        """,
    "tests/test_made.py": """
        import pytest

        def make(n):
            def test(): assert n
            return test

        for n in (1, 2):
            globals()[f"test_loop_{n}"] = make(n)
        test_factory = make(3)

        @pytest.mark.slow
        def test_by_hand(): pass
        """,
    "tests/conftest.py": """
        import pytest

        class File(pytest.File):
            def collect(self):
                yield Item.from_parent(self, name="case")

        class Item(pytest.Item):
            def runtest(self): pass

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".case":
                return File.from_parent(parent, path=file_path)
        """,
    "tests/data.case": "x\n",
    "tests/test_ids.py": """
        import pytest
        @pytest.mark.parametrize("n", [1, 2], ids=["same", "same"])
        def test_equal(n): pass
        @pytest.mark.parametrize("n", [1], ids=["caf\\xe9"])
        def test_accent(n): pass
        """,
    "code/doc.py": '''
        def one():
            """
            >>> one()
            1
            """
            return 1
        ''',
}


def test_every_shape(project):
    for name, text in SHAPES.items():
        project.write(name, text)
    project.write("pytest.ini", MARKERS + "addopts = --doctest-modules --strict-markers -W ignore\n")
    before, collected = project.files(), project.pytest("--collect-only").stdout
    outcomes = project.pytest("-rA").stdout.count("PASSED")

    gates = project.mark("--runs", "1")
    assert {gate["status"] for gate in gates.values()} == {"passed"}, gates
    assert project.pytest("--collect-only").stdout.split("\n\n")[0] == collected.split("\n\n")[0]
    assert project.selected(UNMARKED) == []
    assert project.pytest("-rA").stdout.count("PASSED") == outcomes
    assert project.selected("slow") == ["test_by_hand"]
    assert sorted(project.selected("integration")) == ["Server::test_server", "TestChild::test_own", "test_write"]
    assert gates["1.1"]["data"]["placed"]["left_as_it_was"] == []

    marked = project.files()
    changed = {name for name in marked if marked[name] != before.get(name)}
    assert "tests/data.case" not in changed and "comb-marks.json" in changed
    assert marked["tests/test_crlf.py"].startswith(b"\xef\xbb\xbfimport os\r\n")
    assert b"\n" not in marked["tests/test_crlf.py"].replace(b"\r\n", b"")
    assert b"pytestmark = pytest.mark.unit\r\n" in marked["tests/test_crlf.py"]
    assert b"pytestmark = [pt.mark.filterwarnings(\"ignore\"), pt.mark.unit]" in marked["tests/test_names.py"]
    assert marked["tests/test_made.py"] == before["tests/test_made.py"]

    again = project.mark()
    assert again["1.1"]["status"] == "passed" and project.files() == marked

    removed = project.comb("--remove")
    assert removed.returncode == 0, removed.stderr
    assert project.files() == before
    assert project.comb("--remove").returncode == 2


def test_marks_stand_at_the_highest_level_that_is_true(project):
    project.write("test_module.py", "def test_a(): pass\nclass TestA:\n    def test_b(self): pass\n")
    project.write(
        "test_class.py",
        """
        class TestFiles:
            def test_a(self): open("a", "w").close()
            def test_b(self): open("b", "w").close()
        def test_quick(): pass
        """,
    )
    project.mark("--runs", "1")
    files = {name: text.decode() for name, text in project.files().items()}
    assert files["test_module.py"].count("mark.") == 1 and "pytestmark = pytest.mark.unit" in files["test_module.py"]
    assert "@pytest.mark.integration\nclass TestFiles:" in files["test_class.py"]
    assert "@pytest.mark.unit\ndef test_quick" in files["test_class.py"]


def test_evidence_decides(project):
    project.write(
        "test_it.py",
        """
        import os, socket, subprocess, time
        import pytest

        @pytest.fixture(scope="module")
        def costly(): time.sleep(0.2)
        @pytest.fixture(scope="session", autouse=True)
        def everywhere(): open("log", "w").close()

        def test_tmp(tmp_path): (tmp_path / "x").write_text("x")
        def test_reads(): open(__file__).close()
        def test_socket():
            with socket.socket() as s: s.bind(("127.0.0.1", 0))
        def test_process(): subprocess.run(["true"])
        def test_shared(costly): pass
        def test_long(): time.sleep(1.05)
        def test_clock():
            start = time.perf_counter()
            assert time.perf_counter() - start < 5
        @pytest.mark.skip
        def test_skipped(): pass
        def test_asked(): time.sleep(0.11)
        @pytest.mark.unit
        def test_marked(): time.sleep(0.11)
        @pytest.mark.parametrize("n", [0, 0.11])
        def test_cases(n): time.sleep(n)
        """,
    )
    done = json.loads(project.comb("--diff", "--json", "--runs", "1").stdout)
    found = {test["id"].split("::")[1]: (test["category"], test["why"]) for test in done["tests"]}
    assert {name: category for name, (category, _) in found.items()} == {
        "test_tmp": "unit",
        "test_reads": "unit",
        "test_socket": "integration",
        "test_process": "integration",
        "test_shared": "integration",
        "test_long": "slow",
        "test_clock": "slow",
        "test_skipped": "integration",
        "test_asked": "integration",
        "test_marked": "unit",
        "test_cases[0]": "integration",
        "test_cases[0.11]": "integration",
    }
    assert found["test_process"][1] == "starts true (test_it.py:13)"
    assert "fixture costly" in found["test_shared"][1] and "elapsed time" in found["test_clock"][1]


def test_diff_changes_nothing_and_can_be_applied(project):
    project.write("test_a.py", "def test_a(): pass\n")
    before = project.files()
    diff = project.comb("--diff", "--runs", "1")
    assert diff.returncode == 0 and project.files() == before
    subprocess.run(["git", "apply", "-"], input=diff.stdout, text=True, check=True, cwd=project.root)
    assert project.selected("unit") == ["test_a"]


def test_cases_get_marks_of_their_own_when_asked(project):
    project.write(
        "test_a.py",
        """
        import time, pytest

        @pytest.mark.parametrize("n, m", [(0, "x"), (0.11, "y"), pytest.param(0, "z", id="zero")])
        def test_a(n, m): time.sleep(n)
        """,
    )
    before = project.files()
    assert {gate["status"] for gate in project.mark("--param", "--runs", "1").values()} == {"passed"}
    assert project.selected("integration") == ["test_a[0.11-y]"]
    assert project.selected("unit") == ["test_a[0-x]", "test_a[zero]"] and project.selected(UNMARKED) == []
    project.comb("--remove")
    assert project.files() == before


def test_config_mode_leaves_test_files_alone(project):
    project.write("tests/test_a.py", "import time\ndef test_a(): pass\ndef test_b(): time.sleep(0.11)\n")
    project.write("tests/test_b.py", "def test_c(): pass\n")
    before = project.files()
    gates = project.mark("--in", "config", "--runs", "1")
    assert gates["1.3"]["status"] == "passed"
    after = project.files()
    assert {name: after[name] for name in before} == before
    assert json.loads(after["comb-marks.json"])["marks"] == {
        "tests/test_a.py::test_a": "unit",
        "tests/test_a.py::test_b": "integration",
        "tests/test_b.py": "unit",
    }
    assert project.selected(UNMARKED) == []
    project.comb("--remove")
    assert project.files() == before


@pytest.mark.parametrize("hook", ["pytest_itemcollected(item)", "pytest_collection_modifyitems(items)"])
def test_the_hook_goes_beside_the_users_own(project, hook):
    project.write("conftest.py", f"seen = []\n\n\ndef {hook}:\n    seen.append(1)")
    project.write("test_a.py", "def test_a(): pass\nfor name in ['test_b']:\n    globals()[name] = lambda: None\n")
    before = project.files()
    assert project.mark("--in", "config", "--runs", "1")["1.1"]["status"] == "passed"
    assert project.selected(UNMARKED) == [] and len(project.selected("unit")) == 2
    project.comb("--remove")
    assert project.files()["conftest.py"].rstrip() == before["conftest.py"].rstrip()


def test_the_hook_goes_without_a_trace_below_another_line_end(project):
    project.write("conftest.py", "seen = []\nseen.append(1)\r")
    project.write("test_a.py", "def test_a(): pass\n")
    before = project.files()
    assert project.mark("--in", "config", "--runs", "1")["1.1"]["status"] == "passed"
    assert project.files()["conftest.py"].startswith(before["conftest.py"] + b"\r\r#")
    project.comb("--remove")
    assert project.files() == before


def test_a_module_mark_that_leaks_is_put_back(project):
    project.write("test_a.py", "def test_a(): pass\n")
    project.write("test_b.py", "import time\nfrom test_a import *\n\ndef test_b(): time.sleep(0.12)\n")
    gates = project.mark("--runs", "1")
    assert gates["1.1"]["status"] == "passed", gates
    assert project.selected("unit") == ["test_a", "test_a"] and project.selected("integration") == ["test_b"]
    assert b"pytestmark" not in project.files()["test_a.py"] and b"@pytest.mark" in project.files()["test_b.py"]
    assert project.selected(UNMARKED) == []


def test_a_file_whose_tests_fare_otherwise_is_put_back(project):
    project.write("test_lines.py", "def test_lines():\n    assert test_lines.__code__.co_firstlineno == 1\n")
    project.write("test_other.py", "def test_other(): pass\n")
    before = project.files()
    gates = project.mark("--runs", "1")
    after = project.files()
    assert gates["1.3"]["status"] == "passed", gates
    assert after["test_lines.py"] == before["test_lines.py"] and after["test_other.py"] != before["test_other.py"]
    assert project.selected(UNMARKED) == [] and project.pytest().returncode == 0


def test_what_the_suite_skips_by_a_mark_gets_another(project):
    project.write(
        "conftest.py",
        """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                if item.get_closest_marker("slow"):
                    item.add_marker(pytest.mark.skip)
        """,
    )
    project.write("test_a.py", "import time\ndef test_a(): time.sleep(1.02)\ndef test_b(): pass\n")
    gates = project.mark("--runs", "1")
    assert gates["1.3"]["status"] == "passed", gates
    assert project.selected("integration") == ["test_a"] and project.selected("unit") == ["test_b"]
    assert b"@pytest.mark.integration" in project.files()["test_a.py"] and "2 passed" in project.pytest().stdout


def test_two_categories_by_hand_fail_the_gate(project):
    project.write("test_a.py", "import pytest\n@pytest.mark.slow\n@pytest.mark.unit\ndef test_a(): pass\n")
    gates = project.mark()
    assert gates["1.1"]["status"] == "failed" and "several" in gates["1.1"]["figure"]


def test_the_suites_own_selection_stays(project):
    project.write("pytest.ini", MARKERS + "    net: n\naddopts = -m 'not slow and not net'\n")
    project.write(
        "test_a.py",
        """
        import time, pytest
        def test_long(): time.sleep(1.02)
        @pytest.mark.net
        def test_net(): assert 0
        def test_quick(): pass
        """,
    )
    gates = project.mark("--runs", "1")
    assert {gate["status"] for gate in gates.values()} == {"passed"}, gates
    assert "2 passed" in project.pytest().stdout
    assert project.selected("integration") == ["test_long", "test_net"] and project.selected(UNMARKED) == []


def test_failing_tests_stop_unless_allowed(project):
    project.write("test_a.py", "def test_a(): assert 0\ndef test_b(): pass\n")
    before = project.files()
    refused = project.mark("--runs", "1")
    assert refused["1.1"]["status"] == "failed" and "--allow-failing" in refused["1.1"]["figure"]
    assert project.files() == before
    allowed = project.mark("--runs", "1", "--allow-failing")
    assert {gate["status"] for gate in allowed.values()} == {"passed"}


def test_broken_files_are_named(project):
    project.write("test_a.py", "def test_a(): pass\n")
    project.write("test_b.py", "def test_b(:\n")
    refused = project.mark("--runs", "1")
    assert refused["1.1"]["status"] == "failed" and refused["1.1"]["figure"].startswith("test_b.py:1 ")
    assert project.mark("--runs", "1", "--allow-failing")["1.1"]["status"] == "passed"


def test_bad_input_is_named(project):
    done = project.comb()
    assert done.returncode == 2 and "no tests" in done.stderr
    project.write("test_a.txt", ">>> 1\n1\n")
    project.write("comb-marks.json", "{ nonsense")
    gates = project.mark("--runs", "1")
    assert gates["1.1"]["status"] == "failed"
    assert project.files()["comb-marks.json"] == b"{ nonsense"


def test_markers_come_first(project):
    project.write("pytest.ini", "[pytest]\nmarkers = unit: u\n")
    project.write("test_a.py", "def test_a(): pass\n")
    gates = project.mark()
    assert gates["1.1"]["status"] == "failed" and "comb setup" in gates["1.1"]["figure"]
    line = "    config.addinivalue_line('markers', '{0}: x')\n"
    project.write("conftest.py", "def pytest_configure(config):\n" + line.format("integration") + line.format("slow"))
    assert project.mark("--runs", "1")["1.1"]["status"] == "passed"


def test_ids_that_are_never_the_same_twice_do_no_harm(project):
    project.write(
        "tests/test_a.py",
        """
        import pytest
        @pytest.mark.parametrize("f", [object(), object()], ids=repr)
        def test_object(f): pass
        def test_plain(): pass
        """,
    )
    gates = project.mark("--runs", "1")
    assert all(gates[number]["status"] == "passed" for number in ("1.1", "1.2", "1.3"))
    assert len(project.selected("unit")) == 3
    assert not (project.root / "comb-marks.json").exists()


def test_symlinked_tests_and_odd_names(project):
    project.write("real/test_a.py", "def test_a(): pass\n")
    (project.root / "test_link.py").symlink_to("real/test_a.py")
    made = "def test_b(): pass\nfor n in '12': globals()['test_' + n] = lambda: None\n"
    project.write("dir [1]/test_\u00e9.py", made)
    project.write("pytest.ini", MARKERS + "addopts = --import-mode=importlib\n")
    gates = project.mark("--runs", "1")
    assert {gate["status"] for gate in gates.values()} == {"passed"}, gates
    assert (project.root / "test_link.py").is_symlink() and project.selected(UNMARKED) == []
