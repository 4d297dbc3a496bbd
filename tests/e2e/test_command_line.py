"""The command line as such: help, manual, completion, and typing the wrong thing once."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest

COMB = os.environ.get("COMB", "build/comb")
CONTRACT = {"adopt", "setup", "mark", "check", "tune", "validate", "run", "status", "explain", "doctor"}


def comb(*arguments: str) -> subprocess.CompletedProcess:
    """Runs comb to its end and keeps both outputs."""
    return subprocess.run([COMB, *arguments], capture_output=True, text=True, timeout=60)


def verbs() -> list[str]:
    """The verbs that the overview lists."""
    return re.findall(r"^  ([a-z]+)  +\S", comb("--help").stdout, re.MULTILINE)


def options(verb: str) -> list[str]:
    """The long options that a verb's help lists."""
    return re.findall(r"^ +(?:-\w, )?--([a-z-]+)", comb(verb, "--help").stdout, re.MULTILINE)


def test_overview_lists_the_verbs_of_the_contract() -> None:
    assert CONTRACT <= set(verbs())
    assert comb().stdout == comb("--help").stdout


def test_every_verb_has_help_with_usage_and_example() -> None:
    for verb in verbs():
        done = comb(verb, "--help")
        assert done.returncode == 0, verb
        assert done.stdout.startswith(f"usage: comb {verb} ")
        assert re.search(r"\nexample:\n  comb ", done.stdout), verb
        assert "json" in options(verb)
        assert max(map(len, done.stdout.splitlines())) <= 100, verb


@pytest.mark.parametrize(
    ("arguments", "message", "next_step"),
    [
        (["adpot"], "'adpot' is not a verb of comb", "did you mean comb adopt?"),
        (["runn"], "'runn' is not a verb of comb", "did you mean comb run?"),
        (["Run"], "'Run' is not a verb of comb", "did you mean comb run?"),
        (["help", "chekc"], "'chekc' is not a verb of comb", "did you mean comb check?"),
        (["run", "-k", "word"], "comb run has no option -k", "options of pytest go behind --: comb run -- -k"),
        (["mark", "--budget", "5s"], "comb mark has no option --budget", "it is an option of comb adopt"),
        (["run", __file__], "is not a folder", f"tests are chosen behind --: comb run -- {__file__}"),
        (["run", "test_a.py::test_b"], "is not a folder", "tests are chosen behind --: comb run -- test_a.py::test_b"),
        (["mark", __file__], "is not a folder", "give the project's folder"),
        (["mark", "--runs", "0"], "--runs wants a whole number from 1 to 1000, not '0'", ""),
        (["check", "--runs", "3000000000"], "--runs wants a whole number from 1 to 1000, not '3000000000'", ""),
        (["check", "--fail-on", "note"], "--fail-on goes with --static", ""),
        (["check", "--static", "--diff"], "--diff has no use beside --static", ""),
        (["tune", "--budget", "99999999999h"], "--budget wants a duration such as 90s or 5m, and at most 365 days", ""),
        (["run", "-n", "100000"], "-n wants auto or a number of workers from 0 to 10000, not '100000'", ""),
        (["frobnicate"], "'frobnicate' is not a verb of comb", "comb --help lists them"),
        (["--versoin"], "comb has no option --versoin", "did you mean comb --version?"),
        (["--json", "status"], "comb has no option --json", "options stand behind the verb: comb VERB --json"),
        (["--frobnicate"], "comb has no option --frobnicate", "comb --help lists them"),
        (["--completion"], "--completion wants a value: bash|zsh|fish", ""),
        (["doctor", "--jsn"], "comb doctor has no option --jsn", "did you mean --json?"),
        (["doctor", "a", "b"], "does not know what to do with 'b'", "usage: comb doctor [PROJECT]"),
        (["doctor", "--color", "blue"], "--color wants one of auto|always|never, not 'blue'", ""),
        (["doctor", "--python"], "--python wants a value: PATH", ""),
        (["doctor", "--json=yes"], "--json takes no value", ""),
        (["adopt", "--budget", "0"], "--budget wants a duration such as 90s or 5m, not '0'", ""),
        (["adopt", "--budget", "soon"], "--budget wants a duration such as 90s or 5m, not 'soon'", ""),
        (["doctor", "--", "-x"], "comb doctor takes nothing behind --", "only comb run passes arguments on to pytest"),
    ],
)
def test_wrong_words_get_a_sentence_and_a_next_step(arguments: list[str], message: str, next_step: str) -> None:
    done = comb(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert next_step in done.stderr


def test_help_and_a_verb_is_that_verbs_help() -> None:
    assert comb("help", "run").stdout == comb("run", "--help").stdout


def test_words_are_escaped_in_errors() -> None:
    done = comb("\x1b[2Jdoctor")
    assert "\x1b" not in done.stderr
    assert "\\x1b[2Jdoctor" in done.stderr


def test_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMB, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr


def test_man_page_and_completions_know_every_verb_and_option() -> None:
    man = comb("--man").stdout.replace("\\-", "-")
    known = {verb: options(verb) for verb in verbs()}
    for shell in ("bash", "zsh", "fish"):
        completion = comb("--completion", shell).stdout
        for verb, names in known.items():
            assert f'.SS "comb {verb} ' in man
            for option in names:
                assert f"--{option}" in man
                assert f"--{option}" in completion or f"-l {option}" in completion
    assert comb("--completion", "tcsh").returncode == 2


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(("typed", "offered"), [
    ("comb do", ["doctor"]),
    ("comb --ver", ["--version"]),
    ("comb run --engine ", ["comb", "xdist", "serial"]),
    ("comb validate --until c", ["check"]),
    ("comb run --color a", ["auto", "always"]),
    ("comb run --engine = x", ["xdist"]),
    ("comb explain 0.", ["0.1", "0.2", "0.3", "0.4"]),
    ("comb explain CB10", [f"CB10{digit}" for digit in range(1, 10)]),
    ("comb adopt sh", ["sh op"]),
    ("comb check --sarif no", ["notes.txt"]),
    ("comb adopt no", []),
    ("comb adopt --budget ", []),
])
def test_bash_completion_completes(tmp_path: pathlib.Path, typed: str, offered: list[str]) -> None:
    (tmp_path / "sh op").mkdir()
    (tmp_path / "notes.txt").write_text("")
    script = comb("--completion", "bash").stdout + """
        read -ra COMP_WORDS <<<"$0"
        [[ $0 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _comb
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    words = ["bash", "-c", script, typed]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stderr == ""
    assert [line for line in done.stdout.split("\n") if line] == offered


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff")
def test_man_page_is_clean_roff() -> None:
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww"], input=comb("--man").stdout, capture_output=True,
                          text=True, timeout=60)
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
