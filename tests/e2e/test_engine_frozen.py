"""Who looks at objects through gc sees all of them, though the collector passes over what was there before a fork."""

import pytest

from engine_run import comb, serial, write

# A plugin that is loaded before the first fork, a conftest, and a test file that is imported before the workers are forked.
EARLY = '''
import gc
class Early: pass
EARLY = Early()
FOUND = [Early()]
def look(kind, owner, listed):
    (one,) = [each for each in gc.get_objects() if type(each) is kind and each is not listed]
    assert any(each is owner for each in gc.get_referrers(one)), gc.get_referrers(one)
def pytest_terminal_summary():
    look(Early, globals(), FOUND[0])
    look(Early, FOUND, EARLY)
    assert gc.get_referrers(Early()) == []
    print("looked")
'''
LATE = '''
import early, gc
class Late: pass
LATE = Late()
'''
TEST = LATE + '''
import conftest, pytest, sys
%s
def test_referrers():
    early.look(early.Early, vars(early), early.FOUND[0])
    early.look(conftest.Late, vars(conftest), None)
    early.look(Late, globals(), None)
def test_of_a_variable():
    async def ask():
        one = Late()
        return gc.get_referrers(one)
    asking = ask()
    with pytest.raises(StopIteration) as end: asking.send(None)
    if sys.version_info[:2] == (3, 11): assert end.value.value == []
def test_of_nobody():
    assert gc.get_referrers(Late()) == [] and gc.get_referrers() == []
def test_other_arguments():
    assert gc.get_objects(generation=0) and gc.get_objects(0)
    with pytest.raises(ValueError): gc.get_objects(generation=7)
'''


@pytest.mark.parametrize("mark", ["", "pytestmark = pytest.mark.fresh"])
@pytest.mark.parametrize("start", ["auto", "once", "shard", "import"])
def test_all_objects_are_found(tmp_path, start, mark):
    write(tmp_path, early=EARLY, conftest=LATE, test_a=TEST % mark, test_b=TEST % mark)
    got = comb(tmp_path, "-p", "early", "-s", "--comb-start=" + start)
    assert got.counts == {"passed": 8} and "looked" in got.out, got.out


def test_the_same_serially(tmp_path):
    write(tmp_path, early=EARLY, conftest=LATE, test_a=TEST % "")
    got = serial(tmp_path, "-p", "early", "-s")
    assert got.counts == {"passed": 4} and "looked" in got.out, got.out


def test_what_a_test_puts_in_the_place_of_a_function_stays(tmp_path):
    write(tmp_path, test_a='''
import gc
def test_a(monkeypatch):
    monkeypatch.setattr(gc, "get_objects", lambda: "mine")
    assert gc.get_referrers(object()) == [] and gc.get_objects() == "mine"
def test_b():
    assert type(gc.get_objects()) is list
''')
    got = comb(tmp_path)
    assert got.counts == {"passed": 2}, got.out
