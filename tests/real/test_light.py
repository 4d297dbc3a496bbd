"""Two light public projects, adopted whole: the same tests end the same way, and every failed gate says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if sys.version_info < (3, 11):
    pytest.skip("projects.toml is read with tomllib (Python 3.11)", allow_module_level=True)

import real


@pytest.mark.parametrize("project", [p for p in real.load_projects() if p.light], ids=lambda p: p.name)
def test_adopted_project_is_the_same(project: real.Project, tmp_path: Path) -> None:
    result = real.adopt(project, tmp_path, budget="20s")
    assert result.tests > 100
    assert result.unchanged, result.differences
    for gate in result.failed_gates():
        assert gate["figure"], f"gate {gate['gate']} failed without a reason"
