"""Suites of public projects, from the cache that tests/real keeps."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType

from measure import Failed
from workloads import Suite

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("click", "flask", "jinja2", "more-itertools", "toolz", "sqlparse", "rich", "attrs", "packaging", "pygments",
         "pyparsing", "boltons")
WITHOUT = {"pyparsing": ("test000_assert_packrat_status", "test_pep8_synonyms")}
"""Tests that are left out. pyparsing's look at settings that the tests before them, in the same process, have changed."""
ROUNDS = {"more-itertools": 2, "packaging": 2, "pyparsing": 2, "toolz": 15}
"""Fewer rounds than three where a serial run takes more than 15 s, more where it takes less than 1 s."""


def _tests_real() -> ModuleType:
    """tests/real/real.py: it fetches, checks, and makes environments."""
    path = ROOT / "tests" / "real" / "real.py"
    spec = importlib.util.spec_from_file_location("comb_tests_real", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def suite(name: str, path: Path) -> Suite:
    """The project's own tree, unpacked below path, and the interpreter that has what its tests need."""
    real = _tests_real()
    projects = {project.name: project for project in real.load_projects()}
    for other, row in tomllib.loads((ROOT / "bench" / "projects.toml").read_text()).items():
        projects.setdefault(other, real.Project(name=other, **row))
    path.mkdir(parents=True)
    try:
        python = real.environment(projects[name])
        tree = real.check_out(projects[name], path)
    except RuntimeError as error:
        raise Failed(f"its sources or what its tests need cannot be had here\n{error}") from error
    return Suite(tree, 0, python=str(python))
