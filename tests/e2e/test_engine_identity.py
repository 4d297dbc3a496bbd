"""Who a worker is: told before conftest files are imported, and asked for in each worker where somebody wants to know."""

import pytest

from engine_run import comb, run, write

TEST = '''
import conftest, os, pytest, time

@pytest.mark.parametrize("n", range(6))
def test_a(n, worker_id, request):
    time.sleep(.05)
    assert conftest.TOLD == request.config.workerinput["%s"]
'''
COUNT = '''
import os
TOLD = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) if "PYTEST_XDIST_WORKER" in os.environ else 1
'''
UID = '''
import os
TOLD = os.environ["PYTEST_XDIST_TESTRUNUID"] if "PYTEST_XDIST_WORKER" in os.environ else 1
'''


@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
def test_a_conftest_finds_the_number_of_workers(tmp_path, start):
    write(tmp_path, conftest=COUNT, test_a=TEST % "workercount")
    got = comb(tmp_path, "--comb-start=" + start)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import, each" not in got.out


@pytest.mark.parametrize("args", [(), ("--testrunuid=mine",)])
def test_a_conftest_finds_the_name_of_the_run(tmp_path, args):
    write(tmp_path, conftest=UID, test_a=TEST % "testrunuid")
    got = comb(tmp_path, *args)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out


@pytest.mark.parametrize("args, environment", [(("-nauto",), {"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"}), (("-nauto", "--maxprocesses=1"), {}),
                                               (("-n5", "--no-comb", "--comb"), {})])
def test_the_number_is_known_early_without_a_plain_one(tmp_path, args, environment):
    write(tmp_path, conftest=COUNT, test_a=TEST % "workercount")
    got = run(tmp_path, "--comb", *args, env=environment)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out


@pytest.mark.parametrize("conftest, wanted, reads", [
    (COUNT + "def pytest_xdist_auto_num_workers():\n    return 3\n", "workercount", "PYTEST_XDIST_WORKER_COUNT"),
    (UID + "def pytest_configure(config):\n    config.option.testrunuid = 'mine'\n", "testrunuid", "PYTEST_XDIST_TESTRUNUID"),
])
def test_who_was_told_what_a_conftest_changes_is_asked_again(tmp_path, conftest, wanted, reads):
    write(tmp_path, conftest=conftest, test_a=TEST % wanted)
    got = run(tmp_path, "--comb", "-nauto")
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" in got.out and "conftest.py:3 reads " + reads in got.out, got.out


def test_who_reads_no_number_is_not_asked_again(tmp_path):
    write(tmp_path, conftest="def pytest_xdist_auto_num_workers():\n    return 3\nTOLD = 3\n", test_a=TEST % "workercount")
    got = run(tmp_path, "--comb", "-nauto")
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" not in got.out


ASKS = {
    "a copy": "dict(config.workerinput)['workerid']",
    "named arguments": "'{workerid}'.format(**config.workerinput)",
    "a display": "{**config.workerinput}['workerid']",
    "items": "[value for key, value in config.workerinput.items() if key == 'workerid'][0]",
    "values": "[value for value in config.workerinput.values() if str(value).startswith('gw')][0]",
    "its own copy": "config.workerinput.copy()['workerid']",
    "update": "(lambda other: (other.update(config.workerinput), other)[1])({})['workerid']",
    "a union": "list(map(dict.__getitem__, [{} | config.workerinput], ['workerid']))[0]",
    "another union": "(config.workerinput | {})['workerid']",
    "copy.copy": "copy.copy(config.workerinput)['workerid']",
    "json": "json.loads(json.dumps(config.workerinput, default=repr))['workerid']",
    "its text": "re.search(r'gw\\d+', str(config.workerinput))[0]",
    "setdefault": "config.workerinput.setdefault('workerid', 'x')",
    "a match": "operator.itemgetter('workerid')(config.workerinput)",
    "bytes": "os.environb.get(b'PYTEST_XDIST_WORKER').decode()",
    "getenvb": "os.getenvb(b'PYTEST_XDIST_WORKER').decode()",
    "after another variable": "(os.environ.get('PYTEST_VERSION'), os.environ['PYTEST_XDIST_WORKER'])[1]",
}


def asked_by(code):
    return '''
import copy, json, operator, os, re
TOLD = ""
def pytest_configure(config):
    global TOLD
    if hasattr(config, "workerinput"):
        TOLD = %s
''' % code


@pytest.mark.parametrize("way", ASKS)
def test_every_way_to_ask_for_the_worker_is_noticed(tmp_path, way):
    write(tmp_path, conftest=asked_by(ASKS[way]), test_a=TEST % "workerid")
    got = comb(tmp_path)
    assert got.counts == {"passed": 6}, got.out
    assert "start=import" in got.out and "conftest.py:7 reads" in got.out, got.out


@pytest.mark.parametrize("code", ["'workerid' in config.workerinput", "sorted(config.workerinput)", "len(config.workerinput)",
                                  "config.workerinput['workercount']", "dict(os.environ.items())",
                                  "{key: value for key, value in os.environ.items() if key != 'HOME'}",
                                  "dict(os.environb)", "os.environ.copy()", "b'PYTEST_XDIST_WORKER' in os.environb"])
def test_other_questions_keep_workers_together(tmp_path, code):
    write(tmp_path, conftest=asked_by(code), test_a="def test_a(): pass\ndef test_b(): pass\n")
    got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out
    assert "start=import" not in got.out, got.out


def test_bytes_of_the_environment_are_those_of_the_worker(tmp_path):
    write(tmp_path, test_a='''
import os, pytest, time

@pytest.mark.parametrize("n", range(6))
def test_a(n, worker_id):
    time.sleep(.05)
    os.environ["LATE"] = "x"
    assert os.environb[b"PYTEST_XDIST_WORKER"].decode() == worker_id and os.environb[b"LATE"] == b"x"
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 6}, got.out


@pytest.mark.parametrize("name", ["PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"])
@pytest.mark.parametrize("args", [(), ("t",)])
def test_a_conftest_can_remove_what_it_was_told(tmp_path, name, args):
    (tmp_path / "t").mkdir()
    write(tmp_path / "t", conftest=f"import os\nos.environ.pop('{name}', None)\n", test_a="def test_a(): pass\ndef test_b(): pass\n")
    got = comb(tmp_path, *args)
    assert got.counts == {"passed": 2}, got.out
    assert "start=import" not in got.out, got.out


def test_who_keeps_what_was_removed_is_asked_again(tmp_path):
    write(tmp_path, test_a=TEST % "workercount", conftest="import os\nTOLD = int(os.environ.pop('PYTEST_XDIST_WORKER_COUNT', 1))\n"
          "def pytest_xdist_auto_num_workers():\n    return 3\n")
    got = run(tmp_path, "--comb", "-nauto")
    assert got.counts == {"passed": 6}, got.out
    assert "conftest.py:2 reads PYTEST_XDIST_WORKER_COUNT" in got.out, got.out


@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
def test_a_project_can_replace_the_environment(tmp_path, start):
    replaced = "import os\nos.environ = dict(os.environ)\nTOLD = os.environ.get('PYTEST_XDIST_WORKER')\n"
    write(tmp_path, conftest=replaced if start in ("auto", "import") else replaced + "TOLD = 'unknown'\n", test_a="""
import conftest, os, pytest, time
@pytest.mark.parametrize("n", range(6))
def test_a(n, worker_id):
    time.sleep(.05)
    assert conftest.TOLD in (worker_id, "unknown") and os.environ["PYTEST_XDIST_WORKER"] == worker_id
""", test_b="import os\nos.environ = dict(os.environ)\ndef test_b(): pass\n")
    got = comb(tmp_path, "--comb-start=" + start)
    assert got.counts == {"passed": 7}, got.out
