"""Writes the shapes of tests/e2e/test_editors.py as first inputs for the fuzz targets."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("COMB", str(ROOT / "build/comb"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

import test_editors  # noqa: E402  (needs the path and COMB)

REQUIREMENTS = {"one": "pytest>=7; python_version < '3' # c\n-r x\n", "two": "pytest==7 \\\n  --hash=sha256:0\n"}
DIFFS = {"one": "a\nb\nc\n\0a\nB\nc", "two": "\0x\n"}


def main(folder: pathlib.Path) -> None:
    """One file a shape, in a folder for each target."""
    sets = {
        "marks": test_editors.SHAPES,
        "toml": test_editors.TOML_SHAPES,
        "ini": test_editors.INI_SHAPES,
        "requirements": REQUIREMENTS,
        "diff": DIFFS,
    }
    for name, shapes in sets.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for shape, text in shapes.items():
            (folder / name / shape).write_bytes(text.encode())


main(pathlib.Path(sys.argv[1]))
