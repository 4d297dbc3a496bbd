"""What a person sees while comb works: one live line on a terminal, plain lines in a pipe."""
import os
import pty
import re
import select
import subprocess

import pytest

from gitproject import SMALL, Project


@pytest.fixture
def project(tmp_path):
    files = dict(SMALL)
    files["test_names.py"] = (
        "import pytest, time\n"
        "@pytest.mark.parametrize('name', ['\\x1b[2J', '\\u202e', 'ok'])\n"
        "def test_hostile(name):\n    time.sleep(0.15)\n"
    )
    return Project(tmp_path, files=files).init()


def on_terminal(project, *words, columns=100, **env):
    """Runs comb on a terminal of its own; returns every byte it wrote."""
    main, other = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "-F", os.ttyname(other)], check=True)
    process = subprocess.Popen(
        project.words("adopt", "--until", "setup", *words),
        env={**project.env, "TERM": "xterm", "LC_ALL": "C.UTF-8", **env},
        stdin=other, stdout=other, stderr=other,
    )
    os.close(other)
    output = b""
    while True:
        ready, _, _ = select.select([main], [], [], 60)
        assert ready, output
        try:
            piece = os.read(main, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        output += piece
    os.close(main)
    assert process.wait() == 0, output
    return output.decode()


def screen(output):
    """The lines that stay: what was drawn over and erased is gone."""
    return [line.split("\r\x1b[K")[-1] for line in output.replace("\r\n", "\n").split("\n")]


def test_one_live_line_redrawn_within_the_width(project):
    output = on_terminal(project, "--color", "never", columns=60)
    drawn = [piece for piece in re.split(r"\r\x1b\[K|\r\n", output) if piece]
    live = [piece for piece in drawn if re.search(r"[█░]{16} \d+/\d+", piece)]
    assert live and all(piece.startswith("gate 0.4 · running") for piece in live), drawn
    assert all(len(piece) < 60 for piece in live)
    lines = screen(output)
    assert "Result" in lines
    assert any(line.startswith("✓ 0.1 ") for line in lines)
    assert not [line for line in lines if "░" in line or "running the suite" in line]
    assert "\x1b[2J" not in output and "\u202e" not in output


def test_colours_only_where_wanted(project):
    assert "\x1b[32m✓\x1b[0m" in on_terminal(project)
    plain = on_terminal(project, "--branch", "other", NO_COLOR="1", LC_ALL="C")
    assert "\x1b[3" not in plain
    assert "ok 0.1" in plain and plain.isascii()


def test_a_pipe_gets_plain_lines_and_quiet_gets_results(project):
    plain = project.comb("adopt", "--until", "setup").stdout
    assert "\r" not in plain and "\x1b" not in plain
    assert "  running the suite sequentially\n" in plain
    quiet = project.comb("adopt", "--until", "setup", "-q").stdout
    assert "running the suite" not in quiet
    assert "0.4  benchmark store ready" in quiet and "Result" in quiet


def test_a_full_disk_is_an_error_not_a_silence(project):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            project.words("status"), env=project.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 2
    assert "cannot write" in done.stderr
