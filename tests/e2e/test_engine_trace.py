"""--comb-trace writes every decision of a run, --comb-replay does the same again."""

import json
import os
import re

import pytest
from engine_run import comb, run, write

# Which of these fail depends on who ran what before, in one process and, one at a time, across processes.
ENTANGLED = '''
import os, pytest, random, time
seen = []
@pytest.mark.parametrize("n", range(10))
def test_process(n, worker_id):
    CRASH
    time.sleep(random.random() / 30)
    seen.append(n)
    assert (sum(seen) + int(worker_id[2:])) % 3
@pytest.mark.exclusive("log")
@pytest.mark.parametrize("n", range(6))
def test_log(n, worker_id):
    time.sleep(random.random() / 50)
    seen.append(n)
    with open("log", "a+") as file:
        file.write("%s %d\\n" % (worker_id, n))
        file.seek(0)
        assert (len(file.readlines()) * 7 + len(seen) * 3 + n) % 3
'''.replace("CRASH", "pass")


def by_test(got):
    return {name: sorted(outcomes) for name, outcomes in got.outcomes.items()}


def load(path):
    return json.loads(path.read_text())


def events(data, kind, category=None):
    return [e for e in data["traceEvents"] if e["ph"] == kind and (category is None or e.get("cat") == category)]


def assert_nested(data):
    """Slices of a track lie in one another or side by side, as the format demands."""
    for tid in {e["tid"] for e in events(data, "X")}:
        slices = sorted(((e["ts"], -e["dur"]) for e in events(data, "X") if e["tid"] == tid))
        open_ends = []
        for start, negative in slices:
            end = start - negative
            while open_ends and open_ends[-1] <= start + 0.001:
                open_ends.pop()
            assert not open_ends or end <= open_ends[-1] + 0.001
            open_ends.append(end)


def test_a_trace_has_every_test_its_phases_locks_and_crashes(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time
@pytest.mark.exclusive("db")
@pytest.mark.parametrize("n", range(4))
def test_locked(n): time.sleep(.03)
@pytest.mark.parametrize("n", range(30))
def test_free(n): time.sleep(.01); assert n != 7
def test_crash(): os._exit(1)
@pytest.mark.parametrize("name", ['quote"', "back\\\\slash", "\\x1b[2J", "\\u00fc"])
def test_name(name): pass
''')
    got = comb(tmp_path, "-n3", "--comb-trace", "sub-trace.json")
    assert got.code == 1 and got.counts == {"passed": 37, "failed": 2}, got.out
    data = load(tmp_path / "sub-trace.json")
    tests = events(data, "X", "test")
    assert len(tests) == 39 and len({e["name"] for e in tests}) == 39
    assert [e["name"] for e in tests if e["args"].get("crashed")] == ["test_a.py::test_crash"]
    assert len([e for e in data["traceEvents"] if e.get("name") == "setup"]) == 39
    assert {e["name"] for e in events(data, "b", "lock")} == {"db"} and len(events(data, "e", "lock")) == 4
    held = sorted((e["ts"], e["ph"] == "b", e["ph"]) for e in data["traceEvents"] if e.get("cat") == "lock")
    assert [kind for _, _, kind in held] == ["b", "e"] * 4, "nobody holds it twice"
    named = {e["args"]["name"] for e in events(data, "M") if e["name"] == "thread_name"}
    assert named - {"gw3"} == {"gw0", "gw1", "gw2"}, "gw3 replaces the worker that crashed, and may come too late for a test"
    assert_nested(data)
    assert sorted(p.name for p in tmp_path.iterdir() if "trace" in p.name) == ["sub-trace.json"]


@pytest.mark.parametrize("args", [[], ["--comb-start=shard"], ["--comb-start=once"], ["--comb-start=import"], ["--dist=loadfile"], ["--dist=each"], ["-p", "no:xdist"]])
def test_a_replay_does_the_same_again(tmp_path, args):
    write(tmp_path, test_a=ENTANGLED, test_b=ENTANGLED, test_c=ENTANGLED)

    def once(*more):
        (tmp_path / "log").unlink(missing_ok=True)
        got = run(tmp_path, *args, *more)
        return got, (tmp_path / "log").read_text()

    recorded, log = once("--comb", "-n3", "--comb-trace=first.json")
    assert {"passed", "failed"} <= set(recorded.counts), recorded.out
    for _ in range(2):
        again, log_again = once("--comb-replay=first.json", "--comb-trace=second.json")
        assert by_test(again) == by_test(recorded) and again.code == recorded.code
        assert log_again == log
        assert load(tmp_path / "second.json")["comb"] == load(tmp_path / "first.json")["comb"]
    other, _ = once("--comb", "-n3", "--comb-trace=third.json")
    assert load(tmp_path / "third.json")["comb"] != load(tmp_path / "first.json")["comb"], "chance alone does not do it"


def test_a_crash_is_replayed(tmp_path):
    write(tmp_path, test_a=ENTANGLED.replace("pass\n", "if n == 5: os._exit(3)\n"))
    recorded = comb(tmp_path, "--comb-trace=first.json")
    assert recorded.out.count("exit code 3") >= 1
    (tmp_path / "log").unlink()
    again = run(tmp_path, "--comb-replay=first.json", "--comb-trace=second.json")
    assert again.outcomes == recorded.outcomes
    assert load(tmp_path / "second.json")["comb"] == load(tmp_path / "first.json")["comb"]


def test_a_run_that_was_stopped_is_replayed_as_far_as_it_went(tmp_path):
    write(tmp_path, test_a="import pytest, time\n@pytest.mark.parametrize('n', range(40))\n"
                           "def test_a(n):\n    time.sleep(.01)\n    assert n != 9\n")
    recorded = comb(tmp_path, "-x", "--comb-trace=first.json")
    ran = len(load(tmp_path / "first.json")["comb"]["ran"])
    assert recorded.code == 1 and 10 <= ran < 40
    again = run(tmp_path, "-x", "--comb-replay=first.json")
    assert again.code == 1 and again.counts["failed"] == 1 and len(again.outcomes) <= ran


STOPS = """
import os, pytest, signal, time
@pytest.mark.parametrize("n", range(30))
def test_a(n):
    with open("log", "a") as file: file.write("%%d\\n" %% n)
    time.sleep(.02)
    if n == 4 and not os.path.exists("repaired"): %s
"""


@pytest.mark.parametrize("stop, args", [("assert 0", ["-x"]), ("assert 0", ["-x", "--comb-start=import"]),
                                        ("assert 0", ["-x", "--dist=each"]), ("raise KeyboardInterrupt", [])])
def test_a_record_that_ends_early_is_replayed_after_the_repair_and_the_rest_deselected(tmp_path, stop, args):
    write(tmp_path, test_a=STOPS % stop)
    recorded = comb(tmp_path, *args, "--comb-trace=first.json")
    ran = len((tmp_path / "log").read_text().split())
    assert recorded.code in (1, 2) and ran < 30
    (tmp_path / "log").unlink()
    (tmp_path / "repaired").touch()
    again = run(tmp_path, *args, "--comb-replay=first.json", timeout=20)
    total = 60 if "--dist=each" in args else 30
    assert again.code == 0 and again.counts["passed"] == ran == len((tmp_path / "log").read_text().split()), again.out
    assert f"comb: first.json ends after {ran} of {total} tests: the others were deselected" in again.out
    last = {int(line) for line in (tmp_path / "log").read_text().split()}
    assert again.counts["deselected"] == 30 - len(last), again.out


def test_equal_ids_and_another_order_are_matched(tmp_path):
    write(tmp_path, conftest="import os\ndef pytest_collection_modifyitems(items):\n    items += items[:2]\n"
                             "    if os.environ.get('TURN'): items.reverse()\n", test_a=ENTANGLED)
    recorded = comb(tmp_path, "--comb-trace=first.json")
    (tmp_path / "log").unlink()
    again = run(tmp_path, "--comb-replay=first.json", env={"TURN": "1"})
    assert len(load(tmp_path / "first.json")["comb"]["ran"]) == 18
    assert by_test(again) == by_test(recorded)


@pytest.mark.parametrize("start", ["shard", "once", "import"])
def test_what_differs_from_the_record_is_named(tmp_path, start):
    write(tmp_path, test_a="def test_old(): pass\ndef test_stays(): pass\n", test_b="def test_b(): pass\n")
    assert comb(tmp_path, "--comb-trace=first.json").code == 0
    # of another length: in the same second Python takes its compiled file for this one's otherwise
    write(tmp_path, test_a="def test_newer(): pass\ndef test_stays(): pass\n")
    got = run(tmp_path, "--comb-replay=first.json", "--comb-start=" + start)
    assert got.code == 4
    assert re.search("first.json: the suite is not the recorded one, 2 tests differ: new: test_a.py::test_newer, "
                     "no longer test_a.py::test_old; ", got.out), got.out
    assert not got.outcomes


@pytest.mark.parametrize("content, said", [
    (None, "missing.json"), ("{", "no record of a run"), ('{"traceEvents": []}', "no part"),
    ('{"comb": {"record": 1, "workers": 2, "tests": ["a"], "ran": [[7, 0, 1, 2, false]]}}', "not in it"),
])
def test_no_record(tmp_path, content, said):
    write(tmp_path, test_a="def test_a(): pass\n")
    name = "missing.json" if content is None else "bad.json"
    if content is not None:
        (tmp_path / name).write_text(content)
    got = run(tmp_path, "--comb-replay", name)
    assert got.code == 4 and said in got.out, got.out


def test_another_number_of_workers_is_refused(tmp_path):
    write(tmp_path, test_a="def test_a(): pass\ndef test_b(): pass\n")
    assert comb(tmp_path, "--comb-trace=first.json").code == 0
    got = run(tmp_path, "--comb", "-n5", "--comb-replay=first.json")
    assert got.code == 4 and "recorded with 2 workers, not 5" in got.out


@pytest.mark.parametrize("args, auto", [(["-n0", "--comb-trace=t.json"], "2"), (["--pdb", "--comb-trace=t.json"], "2"),
                                        (["--trace", "--comb-replay=t.json"], "2"), (["--comb-trace=t.json"], "0")])
def test_without_workers_there_is_nothing_to_trace(tmp_path, args, auto):
    write(tmp_path, test_a="def test_a(): pass\n")
    got = run(tmp_path, "--comb", *args, env={"PYTEST_XDIST_AUTO_NUM_WORKERS": auto})
    assert got.code == 4 and "need workers" in got.out and not got.outcomes, got.out


def test_an_interrupted_run_has_a_trace(tmp_path):
    write(tmp_path, test_a="import pytest, time\n@pytest.mark.parametrize('n', range(9))\ndef test_a(n):\n"
                           "    if n == 4: raise KeyboardInterrupt\n    time.sleep(.05)\n")
    assert comb(tmp_path, "--comb-trace=t.json").code == 2
    assert 1 <= len(load(tmp_path / "t.json")["comb"]["ran"]) < 9


@pytest.mark.parametrize("path, said", [(os.path.join("no", "such", "folder", "t.json"), "there is no folder no/such/folder"),
                                        ("folder", "it is a folder")])
def test_a_trace_that_cannot_be_written_is_refused_before_the_run(tmp_path, path, said):
    write(tmp_path, test_a="def test_a(): open('ran', 'w')\n")
    (tmp_path / "folder").mkdir()
    got = comb(tmp_path, "--comb-trace", path)
    assert got.code == 4 and f"--comb-trace: {path} cannot be written: {said}" in got.out, got.out
    assert not (tmp_path / "ran").exists()


def test_a_trace_that_cannot_be_written_after_all_is_said(tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path, test_a="import os\ndef test_a(): os.rmdir('folder')\n")
    got = comb(tmp_path, "--comb-trace", os.path.join("folder", "t.json"))
    assert got.counts == {"passed": 1} and "--comb-trace: " in got.out, got.out
