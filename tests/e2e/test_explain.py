"""comb explain: every rule and gate, with its cause and remedy."""

import json
import os
import subprocess
from pathlib import Path

COMB = os.environ["COMB"]
ROOT = Path(__file__).parents[2]


def comb(*arguments):
    return subprocess.run([COMB, "explain", *arguments], capture_output=True, text=True)


def test_rule():
    done = comb("CB204")
    assert done.returncode == 0
    assert done.stdout.startswith("CB204  fixed port\n")
    assert "Remedy: bind port 0" in done.stdout
    assert "8765" in done.stdout


def test_small_letters():
    assert comb("cb204").stdout == comb("CB204").stdout


def test_list_names_every_rule():
    listed = comb().stdout
    codes = [entry["code"] for entry in json.loads(comb("--json").stdout)["entries"] if entry["kind"] == "rule"]
    assert len(codes) > 60
    assert all(code in listed for code in codes)


def test_json():
    rule = json.loads(comb("CB105", "--json").stdout)
    assert rule["code"] == "CB105"
    assert "monkeypatch.setenv" in rule["remedy"]


def test_misspelt_code():
    done = comb("CB24")
    assert done.returncode == 2
    assert "CB204 (fixed port)" in done.stderr


def test_word_of_a_title():
    done = comb("port")
    assert done.returncode == 2
    assert "CB204" in done.stderr


def test_nonsense():
    done = comb("xyzzy\x1b[31m")
    assert done.returncode == 2
    assert "comb explain lists them all" in done.stderr
    assert "\x1b" not in done.stderr


def test_document_is_up_to_date():
    assert (ROOT / "docs" / "RULES.md").read_text() == comb("--markdown").stdout, "run: make rules"
