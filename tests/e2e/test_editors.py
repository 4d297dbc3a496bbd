"""The editors against Python's own readers: ast, tomllib, configparser, iniconfig, packaging."""

import ast
import configparser
import os
import pathlib
import random
import subprocess
import sys
import sysconfig
import unicodedata

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python < 3.11
    tomllib = None

DRIVER = pathlib.Path(os.environ["COMB"]).parent / "tests/fuzz/edit_driver"
STDLIB = pathlib.Path(sysconfig.get_paths()["stdlib"])


def drive(command: str, path: pathlib.Path, *arguments: str) -> bytes:
    """The edited file; fails the test with the driver's own words."""
    done = subprocess.run([DRIVER, command, path, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def refused(command: str, path: pathlib.Path, *arguments: str) -> str:
    """The error of a file that is refused, with exit status 2."""
    done = subprocess.run([DRIVER, command, path, *arguments], capture_output=True, check=False)
    assert done.returncode == 2, (path.read_bytes(), done.stdout)
    return done.stderr.decode(errors="replace").replace(str(path), "FILE")


def corpus(count: int, seed: int) -> list:
    """Some files of the standard library, tests among them, always the same ones."""
    files = sorted(STDLIB.glob("*.py")) + sorted(STDLIB.glob("test/*.py")) + sorted(STDLIB.glob("unittest/**/*.py"))
    return random.Random(seed).sample(files, min(count, len(files)))


def parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


# --- the outline ---


class Outline:
    """What ast says about definitions and imports, in the driver's words."""

    def __init__(self, source: bytes) -> None:
        self.lines = []
        self.imports = []
        self.visit(ast.parse(source).body, -1, False)

    def visit(self, body: list, parent: int, conditional: bool) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.definition(node, parent)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self.importing(node, parent == -1 and not conditional)
            else:
                self.compound(node, parent)

    def definition(self, node: ast.AST, parent: int) -> None:
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        kind += " async" if isinstance(node, ast.AsyncFunctionDef) else ""
        first = min([node.lineno] + [d.lineno for d in node.decorator_list])
        self.lines.append(f"def {node.name} {kind} {node.lineno} {first} {parent}")
        self.visit(node.body, len(self.lines) - 1, False)

    def importing(self, node: ast.AST, plain: bool) -> None:
        for name in node.names:
            if isinstance(node, ast.Import):
                module, item, bound = name.name, "-", name.asname or name.name.split(".")[0]
            else:
                module, item, bound = "." * node.level + (node.module or ""), name.name, name.asname or name.name
            self.imports.append(f"import {module} {item} {bound} {node.lineno} {int(plain)}")

    def compound(self, node: ast.AST, parent: int) -> None:
        for inner in (node, *getattr(node, "handlers", []), *getattr(node, "cases", [])):
            if inner is node or hasattr(inner, "body"):
                self.visit(getattr(inner, "body", []) if isinstance(inner, ast.AST) else [], parent, True)
        for field in ("orelse", "finalbody"):
            part = getattr(node, field, [])
            self.visit(part if isinstance(part, list) else [], parent, True)


# Valid Python that the grammar does not know.
GRAMMAR_GAPS = {"test_compile.py", "test_patma.py"}


def test_outline_agrees_with_ast() -> None:
    seen = 0
    for path in corpus(45, seed=1):
        source = path.read_bytes()
        if not parses(source) or path.name in GRAMMAR_GAPS:
            continue
        found = drive("outline", path).decode().splitlines()
        found = [unicodedata.normalize("NFKC", line) for line in found]
        expected = Outline(source)
        assert sorted(found) == sorted(expected.lines + expected.imports), path
        seen += 1
    assert seen > 30


# --- marks ---

SHAPES = {
    "plain": "def test_a():\n    pass\n",
    "class": "import pytest\n\n\nclass TestA:\n    def test_a(self):\n        pytest.skip()\n",
    "nested": "class A:\n  class B:\n    def test_a(self): pass\n  def test_a(self): pass\n",
    "async": "import pytest\n\nasync def test_a():\n    pass\n",
    "testcase": "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n",
    "parametrised": "import pytest\n@pytest.mark.parametrize(\n    'x',\n    [1, 2],\n)\ndef test_a(x): pass\n",
    "name": "import pytest\npytestmark = pytest.mark.slow\ndef test_a(): pass\n",
    "call": "import pytest\npytestmark = pytest.mark.skipif(\n    1 > 2,\n    reason='x',\n)  # why\ndef test_a(): pass\n",
    "list": "import pytest\npytestmark = [pytest.mark.slow, pytest.mark.db]\ndef test_a(): pass\n",
    "list_empty": "import pytest\npytestmark = []\ndef test_a(): pass\n",
    "list_comma": "import pytest\npytestmark = [pytest.mark.slow,]\ndef test_a(): pass\n",
    "list_lines": "import pytest\npytestmark = [\n    pytest.mark.slow,  # c\n    # d\n    pytest.mark.db,\n    # e\n]\n"
    "def test_a(): pass\n",
    "list_lines_bare": "import pytest\npytestmark = [\n\tpytest.mark.slow,\n\tpytest.mark.db  # d\n]\ndef test_a(): pass\n",
    "list_hugging": "import pytest\npytestmark = [pytest.mark.slow,\n              pytest.mark.db]\ndef test_a(): pass\n",
    "tuple": "import pytest\npytestmark = (pytest.mark.slow, pytest.mark.db)\ndef test_a(): pass\n",
    "tuple_one": "import pytest\npytestmark = (pytest.mark.slow,)\ndef test_a(): pass\n",
    "tuple_bare": "import pytest\npytestmark = pytest.mark.slow, pytest.mark.db\ndef test_a(): pass\n",
    "tuple_backslash": "import pytest\npytestmark = pytest.mark.slow, \\\n    pytest.mark.db\ndef test_a(): pass\n",
    "annotated": "import pytest\npytestmark: list = [pytest.mark.slow]\ndef test_a(): pass\n",
    "augmented": "import pytest\npytestmark = [pytest.mark.slow]\npytestmark += [pytest.mark.db]\ndef test_a(): pass\n",
    "backslash": "import pytest\npytestmark = \\\n    pytest.mark.slow\ndef test_a(): pass\n",
    "conditional": "import pytest\nif 1:\n    pytestmark = pytest.mark.slow\ndef test_a(): pass\n",
    "stacked": "import pytest, functools\n@functools.lru_cache(\n  maxsize=1,\n)\n# one\n\n# two\n@pytest.mark.db  # c\n\n"
    "# three\ndef test_a():\n    pass\n",
    "foreign": "import functools\n@functools.lru_cache\n\n# c\ndef test_a(): pass\n",
    "tabs": "class A:\n\tdef test_a(self):\n\t\tpass\n",
    "crlf": "import os\r\n\r\n\r\nclass A:\r\n    @staticmethod\r\n    def test_a():\r\n        pass\r\n",
    "cr": "import os\r\rclass A:\r    def test_a(self):\r        pass\r",
    "cr_above_lf": "\r# c\n\n\ndef test_a():\n    import pytest\n\n    pytest.skip()\nclass A:\r    x = 1\r\n",
    "lf_above_cr": "import pytest\nimport os\rclass A:\r\n    @x\r    def test_a(self): pass\n",
    "list_mixed": "import pytest\rpytestmark = [\r    pytest.mark.a,\n\n]\ndef test_a(): pass\n",
    "formfeed": "import os\n\x0c\nclass A:\n    pass\n\x0c\ndef test_a():\n    pass\n\x0cclass B:\n    pass\n",
    "bom": "\ufeffdef test_a():\n    pass\n",
    "bom_crlf": "\ufeffimport pytest\r\npytestmark = pytest.mark.slow\r\ndef test_a(): pass",
    "cookie": "#!/usr/bin/python\n# -*- coding: utf-8 -*-\ndef test_a():\n    pass\n",
    "cookie_second": "\n# vim: set fileencoding=utf-8 :\ndef test_a():\n    pass\n",
    "future": "from __future__ import annotations\n\n\ndef test_a(): pass\n",
    "future_doc": "'''Doc.'''\nfrom __future__ import annotations\nimport os\n\ndef test_a(): pass\n",
    "docstring": '"""Doc.\n\nMore.\n"""\n\n\ndef test_a():\n    pass\n',
    "docstring_tight": '"""Doc."""\ndef test_a():\n    pass\n',
    "docstring_semicolon": '"""Doc."""; X = 1\nY = 2\ndef test_a(): pass\n',
    "licence": "# Copyright\n# Licence\n\ndef test_a():\n    pass\n",
    "blank_top": "\n\n\ndef test_a():\n    pass\n",
    "alias": "import pytest as pt\n\n\ndef test_a():\n    pass\n",
    "mark": "from pytest import mark, raises\n\n\n@mark.db\ndef test_a():\n    pass\n",
    "mark_alias": "from pytest import mark as m\npytestmark = m.slow\ndef test_a():\n    pass\n",
    "one_line": "class A: x = 1\nclass B: pass\ndef test_a(): pass\n",
    "type_checking": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pytest\n\ndef test_a(): pass\n",
    "try_import": "try:\n    import pytest\nexcept ImportError:\n    pytest = None\n\ndef test_a(): pass\n",
    "late_import": "import sys\nsys.path.insert(0, '.')\nimport pytest\nimport os\n\ndef test_a(): pass\n",
    "late_function": "def test_a(): pass\n\nimport pytest\n",
    "guarded": "import sys\nif sys.version_info > (3,):\n    def test_a():\n        pass\nelse:\n    def test_a(): pass\n",
    "tried": "try:\n    class A:\n        def test_a(self): pass\nfinally:\n    pass\n",
    "semicolons": "import os; import sys; x = [\n1]\ny = 2\ndef test_a(): pass\n",
    "redefined": "def test_a(): pass\n\ndef test_a():\n    return 1\n",
    "no_newline": "import pytest\ndef test_a(): pass",
    "import_no_newline": "def f(): pass\nimport pytest",
    "continued": "import os\n\\\ndef test_a(): pass\n",
    "match": "match 1:\n    case 1:\n        def test_a(): pass\n",
    "walrus": "if (n := 3) > 2:\n    def test_a(): pass\n",
    "inherited": "import pytest\nclass Base:\n    def test_a(self): pass\nclass A(Base):\n    x: int\n    y = 1\n",
    "class_pytestmark": "import pytest\nclass A:\n    pytestmark = [pytest.mark.db]\n    def test_a(self): pass\n",
    "own_import": "import os\n\n\ndef test_a():\n    import pytest\n\n    pytest.skip()\n",
    "only_comment": "# nothing here",
    "empty": "",
}


def marked_nodes(tree: ast.Module, line: int) -> list:
    return [n for n in ast.walk(tree) if getattr(n, "lineno", 0) == line and hasattr(n, "decorator_list")]


def is_mark(node: ast.AST, mark: str) -> bool:
    text = ast.unparse(node)
    return text.endswith("." + mark) and text.split(".")[0] in {"pytest", "pt", "mark", "m"}


def without(tree: ast.Module, mark: str, original: ast.Module) -> str:
    """A dump of tree without that mark and an import of pytest that original lacks; counts it in tree.marks."""
    tree.marks = 0
    for node in ast.walk(tree):
        kept = [d for d in getattr(node, "decorator_list", []) if not is_mark(d, mark)]
        if hasattr(node, "decorator_list"):
            tree.marks += len(node.decorator_list) - len(kept)
            node.decorator_list = kept
    added = count_imports(tree) - count_imports(original)
    body = []
    for node in tree.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        value = getattr(node, "value", None)
        if added and isinstance(node, ast.Import) and ast.unparse(node) == "import pytest":
            added -= 1
            continue
        if value is not None and any(getattr(t, "id", "") == "pytestmark" for t in targets):
            if is_mark(value, mark):
                tree.marks += 1
                continue
            value = node.value = normal_value(value)
            kept = [e for e in value.elts if not is_mark(e, mark)]
            tree.marks += len(value.elts) - len(kept)
            value.elts = kept
        body.append(node)
    tree.body = body
    return ast.dump(tree)


def count_imports(tree: ast.Module) -> int:
    return sum(isinstance(node, ast.Import) and ast.unparse(node) == "import pytest" for node in tree.body)


def normal_value(value: ast.AST) -> ast.List:
    elements = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    return ast.List(elts=list(elements), ctx=ast.Load())


def check_mark(path: pathlib.Path, source: bytes, request: list, level: str) -> None:
    """Insert, insert again, compare the trees, remove."""
    path.write_bytes(source)
    edited = drive("mark", path, *request)
    original, tree = ast.parse(source), ast.parse(edited)
    mark = request[3]
    before = without(original, mark, original)
    had = original.marks
    assert without(tree, mark, ast.parse(source)) == before, f"{level}: {edited!r}"
    assert tree.marks == had + 1, f"{level}: {edited!r}"
    lines, crlf = source.count(b"\n"), source.count(b"\r\n")
    assert crlf not in (0, lines) or edited.count(b"\r\n") in (0, edited.count(b"\n")), "line ends of two kinds"
    path.write_bytes(edited)
    same = requests_for(edited, mark)[requests_for(source, mark).index(request)]  # its line is another one now
    assert drive("mark", path, *same) == edited, "a second insert changed something"
    assert drive("unmark", path, *same) == source, f"{level}: removing did not restore {edited!r}"


def requests_for(source: bytes, mark: str) -> list:
    """Every class and function that pytest could name, and the module."""
    found = [["-", "-", "0", mark]]

    def visit(body: list, path: list) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found.append(["::".join([*path, node.name]), "-", str(node.lineno), mark])
                visit(node.body, [*path, node.name])
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.append(["::".join(path) or "-", node.name, str(node.lineno), mark])
            elif isinstance(node, (ast.If, ast.Try)):
                visit([*node.body, *node.orelse], path)

    visit(ast.parse(source).body, [])
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_mark_every_level_of_every_shape(name: str, tmp_path: pathlib.Path) -> None:
    source = SHAPES[name].encode()
    if name == "match" and sys.version_info < (3, 10):
        pytest.skip("match statements came with Python 3.10")
    for request in requests_for(source, "unit") + requests_for(source, "xdist_group('a b')"):
        if name == "conditional" and request[1] == "-":
            continue  # two statements get the mark: below
        check_mark(tmp_path / "test_it.py", source, request, str(request))


def edited(tmp_path: pathlib.Path, source: str, *request: str) -> str:
    path = tmp_path / "test_it.py"
    path.write_bytes(source.encode())
    return drive("mark", path, *request).decode()


def test_marks_look_as_a_person_would_write_them(tmp_path: pathlib.Path) -> None:
    module = ("-", "-", "0", "unit")
    assert edited(tmp_path, SHAPES["plain"], *module).startswith(
        "import pytest\n\npytestmark = pytest.mark.unit\n\n\ndef test_a"
    )
    assert edited(tmp_path, SHAPES["docstring"], *module) == SHAPES["docstring"].replace(
        '"""\n\n\n', '"""\n\nimport pytest\n\npytestmark = pytest.mark.unit\n\n\n'
    )
    assert "pytestmark = [pt.mark.unit, x]" not in edited(tmp_path, SHAPES["alias"], *module)
    assert "pytestmark = pt.mark.unit\n" in edited(tmp_path, SHAPES["alias"], *module)
    assert "pytestmark = [m.unit, m.slow]\n" in edited(tmp_path, SHAPES["mark_alias"], *module)
    assert "@mark.unit\n@mark.db\ndef" in edited(tmp_path, SHAPES["mark"], "-", "test_a", "0", "unit")
    assert "\n# c\n@pytest.mark.unit\ndef" in edited(tmp_path, SHAPES["foreign"], "-", "test_a", "0", "unit")
    lines = edited(tmp_path, SHAPES["list_lines"], *module)
    assert "    pytest.mark.db,\n    pytest.mark.unit,\n    # e\n]" in lines
    late = edited(tmp_path, SHAPES["late_import"], *module)
    assert "import pytest\nimport os\n\npytestmark = pytest.mark.unit\n" in late


def test_last_definition_wins_unless_a_line_is_given(tmp_path: pathlib.Path) -> None:
    source = SHAPES["redefined"]
    assert "@pytest.mark.unit\ndef test_a():\n" in edited(tmp_path, source, "-", "test_a", "0", "unit")
    assert "@pytest.mark.unit\ndef test_a(): pass" in edited(tmp_path, source, "-", "test_a", "1", "unit")


@pytest.mark.parametrize("value", ["make()", "[a] + b", "a if b else [b]", "other", "MARKS", "ONE", "[m for m in MARKS]"])
def test_value_of_any_kind_still_holds_the_old_marks(value: str, tmp_path: pathlib.Path) -> None:
    source = f"""\
import pytest
a, b = pytest.mark.a, [pytest.mark.b]
MARKS = [a]
ONE = pytest.mark.one
def make(): return a
other = make()
pytestmark = {value}
"""
    path = tmp_path / "test_it.py"
    for request in (["unit"], ["xdist_group('x')"]):
        path.write_text(source)
        result = drive("mark", path, "-", "-", "0", *request)
        before, after = {}, {}
        exec(source, before)
        exec(result, after)
        old = before["pytestmark"] if isinstance(before["pytestmark"], list) else [before["pytestmark"]]
        assert after["pytestmark"][0].name == request[0].split("(")[0]
        assert after["pytestmark"][1:] == old
        path.write_bytes(result)
        assert drive("mark", path, "-", "-", "0", *request) == result
        assert drive("unmark", path, "-", "-", "0", *request).decode() == source


def test_conditional_pytestmark_is_marked_in_every_branch(tmp_path: pathlib.Path) -> None:
    source = "import pytest\n\nif FLAG:\n    pytestmark = pytest.mark.slow\n"
    result = edited(tmp_path, source, "-", "-", "0", "unit")
    for flag, names in ((True, ["unit", "slow"]), (False, ["unit"])):
        scope = {"FLAG": flag}
        exec(result, scope)
        marks = scope["pytestmark"] if isinstance(scope["pytestmark"], list) else [scope["pytestmark"]]
        assert [mark.name for mark in marks] == names


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "gbk", "big5", "euc-jp", "koi8-r"])
def test_other_encodings_keep_their_bytes(encoding: str, tmp_path: pathlib.Path) -> None:
    word = {"latin-1": "é", "cp1252": "ñ", "koi8-r": "ж", "gbk": "功能", "big5": "功能"}.get(encoding, "表能")
    text = f"# -*- coding: {encoding} -*-\nx = '{word}'\nclass A:\n    # {word}\n    def test_{word}(self): pass\n"
    source = text.encode(encoding)
    for request in requests_for(source, "unit"):
        check_mark(tmp_path / "test_it.py", source, request, str(request))
    path = tmp_path / "test_it.py"
    path.write_bytes(source)
    assert f"def test_{word} function" in drive("outline", path).decode()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"def test_a(:\n    pass\n", "FILE:1: syntax error"),
        (b"x = 1\n\n\nclass A\n", "FILE:4: syntax error"),
        (b"x = '\xff'\n", "FILE:1: byte 0xff is not valid UTF-8"),
        (b"x = 1\ny = 2 \\\n", "FILE:2: syntax error"),
        (b"class A:\n", "FILE:1: syntax error"),
        (b"x = 1\n  y = 2\n", "FILE:2: syntax error"),
        (b"x = 1\n\0", "FILE:2: a NUL byte"),
        (b"# coding: utf-16\n", "FILE:1: a file in the encoding utf-16 cannot be edited"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "FILE:1: the byte order mark says UTF-8"),
        (b"def test_b(): pass\n", "no function test_a is here"),
    ],
)
def test_bad_python_is_refused_with_its_line(source: bytes, said: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "test_it.py"
    path.write_bytes(source)
    assert said in refused("mark", path, "-", "test_a", "0", "unit")


def test_marks_in_the_standard_library(tmp_path: pathlib.Path) -> None:
    """A sample of definitions in a sample of files, each inserted, compared and removed."""
    chooser = random.Random(3)
    for path in corpus(25, seed=2):
        source = path.read_bytes()
        if not parses(source) or path.name in GRAMMAR_GAPS or len(source) > 60_000:
            continue
        requests = requests_for(source, "unit")
        for request in [requests[0], *chooser.sample(requests[1:], min(3, len(requests) - 1))]:
            check_mark(tmp_path / "test_it.py", source, request, f"{path} {request}")


# --- TOML ---

needs_tomllib = pytest.mark.skipif(tomllib is None, reason="tomllib came with Python 3.11")

TOML_SHAPES = {
    "empty": "",
    "pyproject": '[project]\nname = "x"\n\n[tool.pytest.ini_options]\nmarkers = ["a: b"]  # c\n\n[tool.ruff]\nx = 1\n',
    "lines": "[tool.pytest.ini_options]\nmarkers = [\n  'a: b', # c\n  # d\n  'e'\n]\n",
    "closing": "[tool.pytest.ini_options]\nmarkers = ['a',\n           'b']\n",
    "empty_lines": "[tool.pytest.ini_options]\nmarkers = [\n    # none yet\n]\n",
    "dotted": "tool.pytest.ini_options.markers = []\ntool.x = 1\n[other]\n",
    "inline": "tool = {pytest = {ini_options = {addopts = '-q'}}}\n",
    "inline_empty": "[tool]\npytest = { }\n",
    "quoted": '["tool".\'pytest\'."ini_options"]\n"markers" = ["""x\ny"""]\n',
    "implied": "[tool.pytest.ini_options.sub]\nx = 1\n",
    "partly_dotted": "[tool]\npytest.ini_options.addopts = '-q'\n",
    "tables": "[[tool.x]]\na = 1\n[[tool.x]]\na = 2\n[tool.x.y]\nz = 3\n",
    "crlf": "[tool.pytest.ini_options]\r\nmarkers = [\r\n\t'a',\r\n]\r\n",
    "no_newline": "[tool.pytest.ini_options]\naddopts = '-q'",
    "comment_end": "# only this",
    "indented": "[tool.pytest.ini_options]\n  addopts = '-q' # c\n\n  # d\n\n[x]\n",
}
MARKERS = "tool/pytest/ini_options/markers"


def toml(text: bytes) -> dict:
    return tomllib.loads(text.decode("utf-8-sig"))


@needs_tomllib
@pytest.mark.parametrize("name", TOML_SHAPES)
def test_toml_append(name: str, tmp_path: pathlib.Path) -> None:
    path, source = tmp_path / "x.toml", TOML_SHAPES[name].encode()
    path.write_bytes(source)
    added = ['unit: "quick" \\ ones', "slow: it's slow"]
    result = drive("toml", path, "append", MARKERS, *added)
    wanted = toml(source)
    table = wanted.setdefault("tool", {}).setdefault("pytest", {}).setdefault("ini_options", {})
    table["markers"] = table.get("markers", []) + added
    assert toml(result) == wanted, result
    path.write_bytes(result)
    assert drive("toml", path, "append", MARKERS, *added) == result


@needs_tomllib
@pytest.mark.parametrize("name", TOML_SHAPES)
@pytest.mark.parametrize("where", ["tool/pytest/ini_options/addopts", "top", "tool/poetry/group/dev/x-y", 'a "b"/é'])
def test_toml_set_and_remove(name: str, where: str, tmp_path: pathlib.Path) -> None:
    path, source = tmp_path / "x.toml", TOML_SHAPES[name].encode()
    path.write_bytes(source)
    result = drive("toml", path, "set", where, '"-n auto"')
    wanted = toml(source)
    *parents, last = where.split("/")
    table = wanted
    for key in parents:
        table = table.setdefault(key, {})
    table[last] = "-n auto"
    assert toml(result) == wanted, result
    path.write_bytes(result)
    assert drive("toml", path, "set", where, '"-n auto"') == result
    removed = toml(drive("toml", path, "remove", where))
    del table[last]
    assert pruned(removed) == pruned(wanted)


def pruned(table: dict) -> dict:
    """Without empty tables: a dotted key takes its table along."""
    inner = {key: pruned(value) if isinstance(value, dict) else value for key, value in table.items()}
    return {key: value for key, value in inner.items() if value != {}}


@needs_tomllib
def test_toml_insert_beside_pytest(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[dependency-groups]\ndev = ['pytest>=7', {include-group = 'x'}]\n")
    result = toml(drive("toml", path, "after", "dependency-groups/dev", "0", "pytest-xdist"))
    assert result["dependency-groups"]["dev"] == ["pytest>=7", "pytest-xdist", {"include-group": "x"}]


@needs_tomllib
@pytest.mark.parametrize(
    "text",
    [
        "a = 1\na = 2\n",
        "[a]\n[a]\n",
        "a = 1\n[a]\n",
        "a.b = 1\n[a]\n",
        "[a]\nb.c = 1\n[a.b]\n",
        "a = {b = 1}\n[a.c]\n",
        "a = {b = 1}\na.c = 2\n",
        "a = [1]\n[[a]]\n",
        "[[a]]\n[a]\n",
        "[a]\n[[a]]\n",
        "[a.b]\n[a]\nb.c = 1\n[a.b.c]\nd = 1\n[a.b]\n",
        "a = \n",
        "a = 'x\n",
        "a = \"\\q\"\n",
        "a = 1 b = 2\n",
        "a = \"\x00\"\n",
        "a = '\x7f'\n",
        "[a\n",
        "= 1\n",
        "a = {b = 1, b = 2}\n",
        'a = "\\ud800"\n',
        "a = '''x''''''\n",
        "a = 2100-02-29\n",
        "a = 199-09-09\n",
        "a = 01\n",
    ],
)
def test_toml_refuses_what_tomllib_refuses(text: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(text)
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert "FILE:" in refused("toml", path, "set", "x", "1")


@needs_tomllib
@pytest.mark.parametrize(
    "text",
    ['a = """x \\ \t\n  y"""\nb = "\\\\"  \n', "a = 2000-02-29T07:32:00Z\nb = 07:32:00\n", "a = '''x'''''\n", "[a.b]\n[a]\nx = 1\n", "a.b = 1\na.c = 2\n", "[[a]]\n[a.b]\n[[a]]\n[a.b]\n", "a.b = 1\n[c]\n[a.d]\n", "[a]\n[a.b.c]\n[a.b]\n"],
)
def test_toml_accepts_what_tomllib_accepts(text: str, tmp_path: pathlib.Path) -> None:
    tomllib.loads(text)
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert drive("toml", path, "remove", "nothing").decode() == text


# --- INI ---

INI_SHAPES = {
    "plain": "[pytest]\naddopts = -q\nmarkers =\n    a: b\n    c: d\n\n[other]\nx = 1\n",
    "inline": "[pytest]\nmarkers = a: b\naddopts = -q\n",
    "empty_value": "[pytest]\nmarkers =\n[x]\ny=1\n",
    "comments": "# top\n[pytest] ; why\nmarkers =\n\ta: b\n\n\t# c\n\tc: d\n# e\naddopts: -q\n",
    "crlf": "[pytest]\r\nmarkers =\r\n  a: b\r\naddopts = -q\r\n",
    "no_newline": "[pytest]\nmarkers =\n  a: b",
    "absent": "[tox]\nenvlist = py3\n\n[testenv]\ncommands = pytest\n",
    "no_key": "[pytest]\n\n[tox]\n",
    "bom": "\ufeff[pytest]\naddopts = -q\n",
    "empty": "",
}


def iniconfig_reads(text: bytes) -> dict:
    iniconfig = pytest.importorskip("iniconfig")
    data = text.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    config = iniconfig.IniConfig("x", data=data)
    return {section: dict(config.sections[section]) for section in config.sections}


def configparser_reads(text: bytes) -> dict:
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read_string(text.decode("utf-8-sig").replace("\r\n", "\n"))
    return {name: dict(parser[name]) for name in parser.sections()}


def dump(command: str, path: pathlib.Path) -> dict:
    parts = drive(command, path, "dump").decode().split("\0")[:-1]
    result = {}
    for section, key, _, value in zip(parts[::4], parts[1::4], parts[2::4], parts[3::4]):
        result.setdefault(section, {})[key] = value
    return result


READERS = {"ini": iniconfig_reads, "cfg": configparser_reads}


@pytest.mark.parametrize("name", INI_SHAPES)
@pytest.mark.parametrize("command", READERS)
def test_ini_append_and_set(name: str, command: str, tmp_path: pathlib.Path) -> None:
    path, source, read = tmp_path / "x.ini", INI_SHAPES[name].encode(), READERS[command]
    path.write_bytes(source)
    result = drive(command, path, "append", "pytest", "markers", "unit: quick", "slow: not")
    wanted = read(source)
    old = wanted.setdefault("pytest", {}).get("markers", "")
    lead = "\n" if command == "cfg" else ""
    assert read(result) == {**wanted, "pytest": {**wanted["pytest"], "markers": joined(old, lead)}}, result
    path.write_bytes(result)
    assert drive(command, path, "append", "pytest", "markers", "unit: quick", "slow: not") == result
    changed = drive(command, path, "set", "pytest", "addopts", "-n auto")
    assert read(changed)["pytest"]["addopts"] == "-n auto"
    path.write_bytes(changed)
    assert drive(command, path, "set", "pytest", "addopts", "-n auto") == changed
    assert {k: v for k, v in dump(command, path).items() if v} == {k: v for k, v in read(changed).items() if v}


def joined(old: str, lead: str) -> str:
    return (old if old else lead.rstrip("\n")) + ("\n" if old or lead else "") + "unit: quick\nslow: not"


RANDOM_LINES = [
    "[pytest]", "[a]", "[b]", "a = 1", "b: 2", "  c", "\td = 3", "", "# x", "  ; y", "e=f:g", "h:i=j", " [x", "[y",
    "[z] ; c", "k", "= v", "  ", "l = m # n", "[]", "\x0c", "o = p ",
]  # fmt: skip


@pytest.mark.parametrize("command", READERS)
def test_ini_reads_what_its_reader_reads(command: str, tmp_path: pathlib.Path) -> None:
    """Random files: the same values, or refused by both."""
    chooser, path = random.Random(11), tmp_path / "x.ini"
    pytest.importorskip("iniconfig")
    accepted = 0
    for _ in range(300):
        lines = [chooser.choice(RANDOM_LINES) for _ in range(chooser.randrange(8))]
        source = ("[s]\n" * chooser.randrange(2) + "\n".join(lines)).encode()
        path.write_bytes(source)
        try:
            wanted = READERS[command](source)
        except Exception:
            assert "FILE:" in refused(command, path, "dump"), source
            continue
        accepted += 1
        assert dump(command, path) == {k: v for k, v in wanted.items() if v}, source
    assert accepted > 40


# --- requirements ---


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("pytest\nfoo\n", "pytest\npytest-xdist\nfoo\n"),
        ("PyTest >= 7 # c\nfoo", "PyTest >= 7 # c\npytest-xdist\nfoo"),
        ("foo\r\npytest\r\n", "foo\r\npytest\r\npytest-xdist\r\n"),
        ("foo\npytest", "foo\npytest\npytest-xdist"),
        ("pytest; python_version<'4'\n", "pytest; python_version<'4'\npytest-xdist; python_version<'4'\n"),
        ("pytest \\\n  >=7 \\\n  ,<9\nfoo\n", "pytest \\\n  >=7 \\\n  ,<9\npytest-xdist\nfoo\n"),
        ("pytest==7\n    # via foo\nfoo==1\n", "pytest==7\n    # via foo\npytest-xdist\nfoo==1\n"),
        ("-r base.txt\n", "-r base.txt\npytest-xdist\n"),
        ("pytest_xdist>=3\npytest\n", "pytest_xdist>=3\npytest\n"),
        ("pytest[x]>=7\n", "pytest[x]>=7\npytest-xdist\n"),
        ("", "pytest-xdist\n"),
        ("\ufeffpytest\n", "\ufeffpytest\npytest-xdist\n"),
        ("pytest @ https://example.invalid/pytest.whl\n", "pytest @ https://example.invalid/pytest.whl\npytest-xdist\n"),
        ("foo \\", "foo \\\n\npytest-xdist"),
    ],
)
def test_requirement_goes_beside_pytest(source: str, wanted: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(source.encode())
    result = drive("requirements", path, "pytest-xdist", "pytest")
    assert result == wanted.encode()
    path.write_bytes(result)
    assert drive("requirements", path, "pytest-xdist", "pytest") == result


def test_requirements_in_hash_mode_are_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("foo==1\npytest==7.0 \\\n    --hash=sha256:aa\n")
    assert "FILE:2: pip checks hashes here" in refused("requirements", path, "pytest-xdist", "pytest")
