"""The plugin that tells outcomes: the same under every engine, and comb collects as it does without it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TESTS = "import pytest\ndef test_passes(): pass\ndef test_fails(): assert 0\ndef test_ends(request): request.addfinalizer(lambda: 1 / 0)\n"


def outcomes(folder: pathlib.Path, *arguments: str) -> tuple[dict, str]:
    found = folder / "found.json"
    env = {**os.environ, "OUTCOMES_FILE": str(found), "PYTHONPATH": str(HERE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([sys.executable, "-m", "pytest", "-v", "-p", "outcomes", "-p", "no:cacheprovider",
                           "--continue-on-collection-errors", *arguments], cwd=folder, env=env, capture_output=True, text=True)
    return json.loads(found.read_text()), done.stdout


@pytest.mark.parametrize("arguments, said", [
    (["-p", "xdist", "-n2"], "2 workers"),
    *((["-p", "pytest_comb.plugin", "--comb", "-n2", f"--comb-start={mode}"], f"comb: start={mode}") for mode in ("shard", "once", "import")),
])
def test_every_engine_tells_the_same(tmp_path, arguments, said):
    for number in range(4):
        (tmp_path / f"test_{number}.py").write_text(TESTS)
    serial, _ = outcomes(tmp_path)
    assert len(serial["collected"]) == 12 and len(serial["ended"]) == 16 and serial["broken"] == []
    found, out = outcomes(tmp_path, *arguments)
    assert found == serial and said in out, out
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")
    assert outcomes(tmp_path, *arguments)[0] == {**serial, "broken": ["test_broken.py"]}
