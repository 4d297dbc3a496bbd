"""Hooks whose source shows that they treat each test alone are run in parallel; any other makes comb collect once."""

import importlib.util
import itertools
import textwrap
import types

import pytest

from engine_run import comb, serial, write
from pytest_comb import hooksource, sourcetree

NUMBERS = itertools.count()
HEAD = '''
import enum, functools, itertools, os, pathlib, re, sys
import pytest
SKIP = pytest.mark.skip(reason="x")
SLOW = ["a", "b"]
TABLE = {"a": SKIP}
SEEN = []
STATE = {"n": 0}
TOTAL = 0
COUNTER = itertools.count()
HERE = pathlib.Path(__file__).parent
class Kind(enum.Enum):
    ONE = 1
class Holder:
    n = 0
def count_up():
    global TOTAL
    TOTAL += 1
def is_slow(item, words=SLOW):
    for word in words:
        if word in item.nodeid:
            return True
    return False
def remember(item):
    SEEN.append(item)
def note():
    STATE["n"] += 1
'''
ITEMS, CONFIG_ITEMS = "def pytest_collection_modifyitems(items):", "def pytest_collection_modifyitems(session, config, items):"
GENERATE = "def pytest_generate_tests(metafunc):"


def objection(folder, head, body):
    """What is said about a hook with this body, '' for nothing."""
    path = folder / "conftest.py"
    path.write_text("%s\n%s\n%s\n" % (HEAD, head, textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")))
    spec = importlib.util.spec_from_file_location("conftest_%d" % next(NUMBERS), str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sourcetree.of_file.cache_clear()
    hooksource.hookvalues.changed_names.cache_clear()
    name = head.split("def ")[1].split("(")[0]
    config = types.SimpleNamespace(flag=True, seen=[], words=["a"], option=None, workerinput={})
    found = hooksource.objection(name, getattr(module, name), config)
    return "" if found is None else found or "not a function"


ALONE = [
    (ITEMS, "for item in items:\n    item.add_marker(pytest.mark.unit)"),
    (ITEMS, "for item in items:\n    if is_slow(item) and 'unit' not in item.keywords:\n        item.add_marker(SKIP)"),
    (CONFIG_ITEMS, '''
        """Skips."""
        if config.getoption("--slow") or os.environ.get("CI") and sys.platform.startswith("linux"):
            return
        skip = pytest.mark.skip(reason="because of %s" % Kind.ONE)
        for item in items:
            marks = [mark.name for mark in item.iter_markers()]
            if "slow" in marks and not any(each in item.fixturenames for each in ("a", "b")):
                item.add_marker(skip)
                continue
            name = item.name
            name = name.lower()
            if isinstance(item, (pytest.Function, pytest.Class)) and re.match("x", name):
                item.add_marker(getattr(pytest.mark, name), append=False)
            if getattr(item, "cls", None) is not None and hasattr(config, "flag") and config.flag:
                item.fixturenames.insert(0, "x")
            found = item.get_closest_marker("x")
            if found is not None and found.args and found.kwargs.get("n") == 1:
                item.user_properties.append(("where", item.path.relative_to(HERE).as_posix()))
            item._nodeid = item.nodeid.encode("ascii").decode("unicode_escape")
    '''),
    (ITEMS, "for item in items:\n    for word in SLOW:\n        if word in item.nodeid:\n            break\n    item.add_marker(TABLE['a'])"),
    (ITEMS, "kept = []\nkept.append('a')\nfor item in items:\n    own = []\n    own.append(item.name)\n    if own[0] in kept:\n"
            "        item.add_marker(SKIP)"),
    ("@pytest.hookimpl(tryfirst=True)\n" + ITEMS, "for item in items:\n    item.add_marker(SKIP)"),
    ("def pytest_itemcollected(item):", "if is_slow(item):\n    item.add_marker('slow')"),
    ("def pytest_make_parametrize_id(config, val, argname):", "return f'{argname}={val!r}' if isinstance(val, str) else None"),
    (GENERATE, "if 'word' in metafunc.fixturenames:\n    metafunc.parametrize('word', [w for w in SLOW if w != 'b'], ids=str)"),
    (GENERATE, "names = sorted(path.name for path in HERE.glob('*.x'))\nif 'n' in metafunc.fixturenames:\n"
               "    metafunc.parametrize('n', names or range(metafunc.config.getoption('n')), indirect=True, ids=[str(n) for n in names])"),
    (GENERATE, "for case in getattr(metafunc.cls, 'cases', ()):\n    metafunc.parametrize('case', [case, pytest.param(1, marks=SKIP)])"),
]


@pytest.mark.parametrize("head, body", ALONE)
def test_known_to_treat_each_test_alone(tmp_path, head, body):
    assert objection(tmp_path, head, body) == ""


TOGETHER = [
    (ITEMS, "SEEN.append(1)\nn = len(SEEN)\nfor item in items:\n    if n > 1:\n        item.add_marker(SKIP)", "SEEN"),
    (ITEMS, "TABLE.popitem()", "TABLE.popitem"),
    (ITEMS, "for item in items:\n    item.session.n = getattr(item.session, 'n', 0) + 1", "`n`"),
    (ITEMS, "for item in items:\n    if item.session.n:\n        item.add_marker(SKIP)", "`n`"),
    (CONFIG_ITEMS, "for item in items:\n    config.stash.setdefault('k', []).append(item)", "`stash`"),
    (CONFIG_ITEMS, "for item in items:\n    config.seen.append(item)", "config.seen.append"),
    (CONFIG_ITEMS, "config.n = 1", "config.n"),
    (CONFIG_ITEMS, "config.addinivalue_line('markers', 'x')", "addinivalue_line"),
    (CONFIG_ITEMS, "if config.workerinput['workerid'] == 'gw0':\n    return", "workerinput"),
    (CONFIG_ITEMS, "if len(items) > 5:\n    return", "all tests"),
    (CONFIG_ITEMS, "if session.testscollected > 5:\n    return", "testscollected"),
    (ITEMS, "global TOTAL\nTOTAL = 1", "TOTAL"),
    (ITEMS, "for item in items:\n    if TOTAL:\n        item.add_marker(SKIP)", "which a function of its module changes"),
    (ITEMS, "count_up()\nfor item in items:\n    item.add_marker(SKIP)", "count_up"),
    (ITEMS, "for item in items:\n    remember(item)", "remember"),
    (ITEMS, "if STATE['n']:\n    return", "STATE"),
    (ITEMS, "for item in items:\n    Holder.n += 1", "Holder.n"),
    (ITEMS, "if Holder.n:\n    return", "Holder"),
    (ITEMS, "for item in items:\n    item.user_properties.append(('n', next(COUNTER)))", "COUNTER"),
    (ITEMS, "if 'x' in sys.modules:\n    return", "modules"),
    (ITEMS, "seen = set()\nfor item in items:\n    seen.add(item.name)", "seen.add"),
    (ITEMS, "last = ''\nfor item in items:\n    if item.name == last:\n        item.add_marker(SKIP)\n    last = item.name", "`last`"),
    (ITEMS, "last = ''\nfor item in items:\n    if 'a' in item.name:\n        last = 'a'\n    if last:\n        item.add_marker(SKIP)", "`last`"),
    (ITEMS, "n = 0\nfor item in items:\n    n += 1", "`n`"),
    (ITEMS, "words = (word for word in SLOW)\nfor item in items:\n    if 'a' in words:\n        item.add_marker(SKIP)", "words"),
    (ITEMS, "for item in items:\n    if 'a' in item.name:\n        break", "loop over all tests"),
    (ITEMS, "for item in items:\n    if 'a' in item.name:\n        return", "loop over all tests"),
    (ITEMS, "for item in items:\n    item.parent.add_marker(SKIP)", "item.parent.add_marker"),
    (ITEMS, "for item in items:\n    item.parent.n = 1", "item.parent.n"),
    (ITEMS, "for item in items:\n    item.obj.register()", "item.obj.register"),
    (ITEMS, "for item in items:\n    for other in items:\n        pass", "all tests"),
    (ITEMS, "items.sort()", "all tests"),
    (ITEMS, "items[:] = items[:3]", "all tests"),
    (ITEMS, "import random\nrandom.random()", "import random"),
    (ITEMS, "x = functools.lru_cache(None)", "lru_cache"),
    (ITEMS, "SLOW += ['c']", "SLOW"),
    (ITEMS, "words = SLOW\nwords += ['c']", "words"),
    (ITEMS, "words = SLOW\nwords.append('c')", "words.append"),
    (ITEMS, "yield", "yield"),
    ("@functools.lru_cache(None)\n" + ITEMS, "pass", "not a"),
    ("def pytest_collection_modifyitems(items, seen=[]):", "seen.append(1)", "seen"),
    ("def pytest_itemcollected(item):", "SEEN.append(item)", "SEEN"),
    ("def pytest_make_parametrize_id(val):", "return str(next(COUNTER))", "COUNTER"),
    ("def pytest_report_collectionfinish(items):", "return 'x'", "not a function"),
    (GENERATE, "metafunc.parametrize('n', [next(COUNTER)])", "COUNTER"),
    (GENERATE, "metafunc.parametrize('n', [1, 2], ids=lambda n: str(next(COUNTER)))", "lambda"),
    (GENERATE, "metafunc.parametrize('n', [1, 2], ids=remember)", "function"),
    (GENERATE, "metafunc.parametrize('n', [os.getpid()])", "os.getpid"),
    (GENERATE, "metafunc.cls.cases.append(1)", "append"),
]


@pytest.mark.parametrize("head, body, reason", TOGETHER)
def test_not_known_to_treat_each_test_alone(tmp_path, head, body, reason):
    assert reason in objection(tmp_path, head, body)


RUNS = {
    "counts its calls": '''
import pytest
calls = []
def pytest_collection_modifyitems(items):
    calls.append(1)
    n = len(calls)
    for item in items:
        if n > 1:
            item.add_marker(pytest.mark.skip)
''',
    "counts in the session": '''
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.session.counted = getattr(item.session, "counted", 0) + 1
        if item.session.counted > 4:
            item.add_marker(pytest.mark.skip)
''',
    "counts parameters": '''
import itertools
NUMBERS = itertools.count()
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("number")
    metafunc.parametrize("number", [next(NUMBERS)])
''',
}


@pytest.mark.parametrize("name", RUNS)
def test_a_hook_that_counts_over_modules(tmp_path, name):
    write(tmp_path, conftest=RUNS[name])
    for number in range(6):
        write(tmp_path, **{"test_%d" % number: "def test_a(): pass\ndef test_b(): pass\n" + "#" * 6000})
    expected, got = serial(tmp_path), comb(tmp_path, "-v", "-n3")
    assert (got.outcomes, got.counts) == (expected.outcomes, expected.counts), got.out
    assert "comb: start=once" in got.out and "conftest.py:" in got.out, got.out
