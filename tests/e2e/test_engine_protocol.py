"""Values on their way between the processes of a run: as they were, whatever kinds of keys they have."""

import enum
import math

import pytest
from engine_run import comb, write
from pytest_comb import protocol

KEPT = [
    {1: "a", False: "b"}, {(1, 2): 3, None: {2.5: b"x"}, b"k": 1, "s": 2}, {frozenset([(1,)]): {1j: []}}, {}, {"": 1}, {"": {0: 1}},
    frozenset([1, frozenset(["a"])]), {1, (2, "b")}, 1 + 2j, complex(math.inf, -0.0), b"\0\xff", "lone \udcff", (), [(1,), [2]],
    {"\0tuple": [1]}, {"\0dict": [[1, 2]]}, {"\0": 1}, {"\0x": 1, "y": {"\0bytes": "\0"}}, 10 ** 40, {10 ** 40: 1},
]


def same(a, b):
    """Equal, down to the types."""
    if type(a) is not type(b) or a != b:
        return False
    if isinstance(a, dict):
        return all(same(x, y) and same(a[x], b[y]) for x, y in zip(a, b))
    return not isinstance(a, (list, tuple)) or all(map(same, a, b))


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_a_value_is_the_same_when_it_arrives(value):
    assert same(protocol.decode(protocol.encode(value)), value)
    assert same(protocol.decode(protocol.encode({"in": [value], "and": (value, value)}))["and"][1], value)
    assert protocol.can_encode(value)


def test_what_has_no_word_is_told_as_text():
    class Color(enum.Enum):
        RED = 1
    assert protocol.decode(protocol.encode({Color.RED: 1, 2: Color})) == {"Color.RED": 1, 2: repr(Color)}
    assert not protocol.can_encode({Color.RED: 1})


@pytest.mark.parametrize("data", [
    b'{"\\u0000dict":[[[1],2]]}', b'{"\\u0000dict":[[1]]}', b'{"\\u0000dict":[7]}', b'{"\\u0000dict":{"a":1,"b":2}}',
    b'{"\\u0000set":[{"a":1,"b":2}]}', b'{"\\u0000set":3}', b'{"\\u0000frozenset":[[]]}', b'{"\\u0000tuple":"abc"}',
    b'{"\\u0000bytes":"a"}', b'{"\\u0000bytes":[1]}', b'{"\\u0000bytes":"\\u1234"}', b'{"\\u0000complex":[1,2,3]}',
    b'{"\\u0000complex":[1,null]}', b'{"\\u0000complex":[1%s,1]}' % (b"0" * 400), b'{"\\u0000eval":"1"}', b'{"\\u0000":1}',
    b'{"a":', b"\xff", b"",
])
def test_what_nobody_encoded_is_an_error_of_its_own(data):
    with pytest.raises(ValueError):
        protocol.decode(data)


def test_depth_without_end_is_an_error_and_no_crash():
    for opens, closes in ((b"[", b"]"), (b'{"\\u0000tuple":[', b"]}"), (b'{"\\u0000dict":[[1,', b"]]}")):
        with pytest.raises(RecursionError):
            protocol.decode(opens * 200_000 + closes * 200_000)


def test_values_of_plugins_and_tests_arrive_as_they_were(tmp_path):
    write(tmp_path, conftest='''
VALUE = {1: "a", (1, 2): 3, None: frozenset([1]), True: b"x", 2.5: {b"k": 1 + 2j}, "plain": [(1,), {2}]}
def pytest_configure_node(node): node.workerinput["given"] = VALUE
def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"): session.config.workeroutput["left"] = session.config.workerinput["given"]
def pytest_testnodedown(node, error):
    assert node.workeroutput["left"] == VALUE
    print("ARRIVED output")
def pytest_runtest_makereport(item, call):
    import pytest
    report = pytest.TestReport.from_item_and_call(item, call)
    if call.when == "call": report.extra_of_ours = VALUE
    return report
def pytest_runtest_logreport(report):
    if hasattr(report, "node") and report.when == "call":
        assert report.user_properties == [("m", VALUE)] and report.extra_of_ours == VALUE
        assert type(report.user_properties[0][1][None]) is frozenset
        print("ARRIVED report")
''', test_a='''
def test_a(record_property, request):
    from conftest import VALUE
    assert request.config.workerinput["given"] == VALUE
    record_property("m", VALUE)
''')
    done = comb(tmp_path, "-s")
    assert done.counts == {"passed": 1}, done.out
    assert done.out.count("ARRIVED report") == 1 and done.out.count("ARRIVED output") >= 1, done.out
