"""What a person sees while comb's engine runs: the live line, output under the worker's name, nothing of it in a pipe."""

import re
import subprocess
import sys
import time

import pytest
from engine_run import comb, write
from screen import Session

LIVE = re.compile(r"^[█░]{16} (\d+)/(\d+)")
SLEEPERS = """
import pytest, time
@pytest.mark.parametrize("n", range(12))
def test_slow(n):
    time.sleep(0.15)
    assert n != 5
@pytest.mark.parametrize("name", ["\\x1b[2J", "\\u202e", "ok"])
def test_hostile(name): time.sleep(0.3)
"""


def on_terminal(folder, *args, columns=100, **env):
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--comb", "-n2", *args]
    return Session(words, folder, columns, **env)


def live_lines(session):
    return [line for shot in session.shots for line in shot.splitlines() if LIVE.match(line)]


def test_a_live_line_under_pytests_own_output(tmp_path):
    write(tmp_path, test_a=SLEEPERS)
    session = on_terminal(tmp_path)
    assert session.finish() == 1
    lines = live_lines(session)
    assert lines and all(len(line) < 100 for line in lines)
    assert any(re.search(r"· gw[01] test_slow\[\d+\] \d\.\ds · gw[01] test_slow", line) for line in lines), lines
    assert any("· 1 failed" in line for line in lines) and any(re.search(r"· \d s left", line) for line in lines), lines
    assert [LIVE.match(line).group(2) for line in lines].count("15") == len(lines)
    # pytest's own line of dots was never broken, and nothing of the live line is left
    final = session.screen.text()
    assert not LIVE.search(final) and "█" not in final
    assert re.search(r"^[.F]{15} +\[100%\]$", final, re.M), final
    assert "1 failed, 14 passed" in final
    assert "\x1b[2J" not in session.output and "\u202e" not in session.output
    assert any("test_hostile[\\x1b[2J" in line for line in lines)


def test_the_same_output_stays_as_without_it(tmp_path):
    write(tmp_path, test_a=SLEEPERS + "".join("def test_%d(): pass\n" % n for n in range(300)))

    def lasting(*args):
        session = on_terminal(tmp_path, *args, columns=70)
        assert session.finish() == 1
        text = re.sub(r"\d+\.\d+s|0x[0-9a-f]+", "T", session.screen.text())
        return [line for line in text.splitlines() if not re.match(r"^[.F]+ +\[", line)], session

    plain, without = lasting("--comb-live=no")
    drawn, with_line = lasting()
    assert [re.sub("gw[01]", "gw", line) for line in drawn] == [re.sub("gw[01]", "gw", line) for line in plain]
    assert live_lines(with_line) and not live_lines(without)


def test_a_long_collection_is_said(tmp_path):
    write(tmp_path, test_a="import time\ntime.sleep(1.6)\ndef test_a(): pass\n")
    session = on_terminal(tmp_path)
    assert session.finish() == 0
    assert any(re.search(r"^collecting, 1 s$", shot, re.M) for shot in session.shots)
    assert "collecting" not in session.screen.text() and "collected 1 item" in session.screen.text()


@pytest.mark.parametrize("columns", [30, 61])
def test_narrow_terminals(tmp_path, columns):
    write(tmp_path, test_a=SLEEPERS)
    session = on_terminal(tmp_path, columns=columns)
    assert session.finish() == 1
    lines = [line for shot in session.shots for line in shot.splitlines() if re.match("[█░]{6,16} ", line)]
    assert lines and all(len(line) < columns for line in lines)
    assert "█" not in session.screen.text()


@pytest.mark.parametrize("args, env", [(["--color=no"], {}), ([], {"NO_COLOR": "1"})])
def test_no_colour_where_none_is_wanted(tmp_path, args, env):
    write(tmp_path, test_a=SLEEPERS)
    session = on_terminal(tmp_path, *args, **env)
    assert session.finish() == 1
    assert live_lines(session) and not re.search("\x1b\\[[0-9;]*m", session.output)


@pytest.mark.parametrize("args, env", [(["--comb-live=no"], {}), (["-q"], {}), ([], {"TERM": "dumb"})])
def test_ways_to_have_none(tmp_path, args, env):
    write(tmp_path, test_a=SLEEPERS)
    session = on_terminal(tmp_path, *args, **env)
    assert session.finish() == 1
    assert not live_lines(session)


def test_verbose_names_the_worker_of_each_test(tmp_path):
    write(tmp_path, test_a=SLEEPERS)
    session = on_terminal(tmp_path, "-v", columns=120)
    assert session.finish() == 1
    rows = re.findall(r"^\[gw[01]\] \[ *\d+%\] (PASSED|FAILED) test_a\.py::", session.screen.text(), re.M)
    assert sorted(rows) == ["FAILED"] + ["PASSED"] * 14
    assert live_lines(session)


CHATTY = """
import os, pytest, subprocess, sys
@pytest.mark.parametrize("n", range(8))
def test_chatty(n):
    for k in range(20):
        print("out", n, k, end="")
        sys.stdout.flush()
        print(" end", flush=True)
    subprocess.run(["echo", "child %d" % n])
    os.write(1, b"raw %d\\xff\\x1b[2J\\n" % n)
    print("partial", n, end="")
def test_error(): print("to stderr", file=sys.stderr)
"""


def test_output_is_labelled_line_by_line(tmp_path):
    write(tmp_path, test_a=CHATTY)
    got = comb(tmp_path, "-s", "-v")
    assert got.counts == {"passed": 9}
    lines = got.out.splitlines()
    for n in range(8):
        mine = [i for i, line in enumerate(lines) if re.match(r"\[gw[01]\] (out|child|raw|partial) %d\b" % n, line)]
        assert len(mine) == 23
        worker = lines[mine[0]][:5]
        assert [lines[i] for i in mine] == ["%s out %d %d end" % (worker, n, k) for k in range(20)] + [
            "%s child %d" % (worker, n), "%s raw %d\udcff\x1b[2J" % (worker, n), "%s partial %d" % (worker, n)]
        report = next(i for i, line in enumerate(lines) if "PASSED test_a.py::test_chatty[%d]" % n in line)
        assert lines[report].startswith(worker) and report > mine[-1]
        between = [line for line in lines[mine[0]:report] if line.startswith(worker)]
        assert between == [lines[i] for i in mine], "the report stands right behind what the test wrote"
    assert re.search(r"^\[gw[01]\] to stderr$", got.out, re.M)


def test_output_on_a_terminal_is_escaped_and_above_the_live_line(tmp_path):
    write(tmp_path, test_a=CHATTY + "def test_slow():\n    import time; time.sleep(.6)\n")
    session = on_terminal(tmp_path, "-s")
    assert session.finish() == 0
    final = session.screen.text()
    assert len(re.findall(r"^\[gw[01]\] raw \d\\xff\\x1b\[2J$", final, re.M)) == 8
    assert len(re.findall(r"^\[gw[01]\] out \d+ \d+ end$", final, re.M)) == 160
    assert "█" not in final and live_lines(session)


def test_standard_error_stays_standard_error(tmp_path):
    write(tmp_path, test_a=CHATTY)
    done = subprocess.run([sys.executable, "-m", "pytest", "--comb", "-n2", "-s", "-p", "no:cacheprovider"], cwd=tmp_path,
                          capture_output=True, text=True, errors="replace")
    assert re.fullmatch(r"\[gw[01]\] to stderr\n", done.stderr)
    assert "to stderr" not in done.stdout and "child 3" in done.stdout


def test_what_a_crash_leaves_in_a_line_is_shown(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a():\n    os.write(1, b'last words')\n    os._exit(1)\ndef test_b(): pass\n")
    got = comb(tmp_path, "-s")
    assert got.counts == {"failed": 1, "passed": 1}
    assert re.search(r"^\[gw[01]\] last words$", got.out, re.M)


def test_a_flood_goes_through(tmp_path):
    write(tmp_path, test_a="import os\ndef test_a():\n    for n in range(500): os.write(1, b'x' * 99999 + b'\\n')\n"
                           "def test_b(): pass\n")
    with open(tmp_path / "out", "wb") as file:
        begin = time.monotonic()
        code = subprocess.call([sys.executable, "-m", "pytest", "--comb", "-n2", "-s"], cwd=tmp_path, stdout=file)
    assert code == 0
    text = (tmp_path / "out").read_bytes()
    assert text.count(b"x" * 99999 + b"\n") == 500
    assert time.monotonic() - begin < 20


def test_printing_hooks_on_the_controller_leave_no_trace_of_the_line(tmp_path):
    write(tmp_path, test_a=SLEEPERS, conftest="""
import sys
def pytest_runtest_logfinish(nodeid):
    print("\\nfinished", nodeid.encode("ascii", "replace").decode().replace(chr(27), "?"))
    print("to error", file=sys.stderr)
""")
    session = on_terminal(tmp_path)
    assert session.finish() == 1
    final = session.screen.text()
    assert "█" not in final and len(re.findall(r"^to error$", final, re.M)) == 15 and live_lines(session)
