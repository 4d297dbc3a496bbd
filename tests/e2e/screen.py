"""A terminal for tests: runs a command on a pty and knows what a person would see."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|\x1b\][^\a]*\a")


class Screen:
    """Rows of text; knows the control sequences that pytest and comb use, and fails at others."""

    def __init__(self, columns=80):
        self.columns, self.rows, self.x, self.y = columns, [""], 0, 0

    def put(self, character):
        if self.x >= self.columns:
            self.x, self.y = 0, self.y + 1
        self.extend()
        row = self.rows[self.y].ljust(self.x)
        self.rows[self.y] = row[:self.x] + character + row[self.x + 1:]
        self.x += 2 if unicodedata.east_asian_width(character) in "WF" else 1

    def extend(self):
        while len(self.rows) <= self.y:
            self.rows.append("")

    def control(self, argument, kind):
        count = int(argument) if argument.isdigit() else 1
        if kind == "A":
            self.y -= count
            assert self.y >= 0
        elif kind == "C":
            self.x += count
        elif kind in "JK":
            self.extend()
            self.rows[self.y] = self.rows[self.y][:self.x]
            if kind == "J":
                del self.rows[self.y + 1:]
        else:
            assert kind == "m", kind

    def feed(self, text):
        at = 0
        while at < len(text):
            found = SEQUENCE.match(text, at)
            if found:
                if found.group(2):
                    self.control(found.group(1), found.group(2))
                at = found.end()
                continue
            character, at = text[at], at + 1
            if character == "\n":
                self.y += 1
                self.extend()
            elif character == "\r":
                self.x = 0
            else:
                assert character >= " ", repr(character)
                self.put(character)

    def text(self):
        return "\n".join(row.rstrip() for row in self.rows)


class Session:
    """A command on a terminal of its own, in a process group of its own so that it can be stopped."""

    def __init__(self, words, folder, columns=80, **env):
        self.main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_") and k not in ("NO_COLOR", "CI")}
        self.process = subprocess.Popen(
            words, cwd=folder, env={**clean, "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "", **env}, stdin=other,
            stdout=other, stderr=other, preexec_fn=lambda: os.setpgid(0, 0))
        os.close(other)
        self.screen, self.output, self.shots = Screen(columns), "", []
        self.rest = b""

    def read(self, seconds=0.05):
        """What comes in that time; False at the end."""
        ready, _, _ = select.select([self.main], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.main, 65536)
        except OSError:
            return False
        self.rest += data
        cut = self.rest.rfind(b"\x1b")  # sequences may be cut in two
        cut = len(self.rest) if cut < 0 or len(self.rest) - cut > 16 else cut
        try:
            text = self.rest[:cut].decode()
        except UnicodeDecodeError:
            return bool(data)
        self.rest = self.rest[cut:]
        self.output += text
        self.screen.feed(text)
        self.shots.append(self.screen.text())
        return bool(data)

    def wait_for(self, pattern, seconds=20):
        """Until the screen shows it."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.screen.text()):
            assert time.monotonic() < end and self.read(), self.screen.text()

    def finish(self, seconds=60):
        """Exit code, when all output is read."""
        end = time.monotonic() + seconds
        while self.read():
            if time.monotonic() > end:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(self.screen.text())
        self.screen.feed(self.rest.decode())
        self.output += self.rest.decode()
        os.close(self.main)
        return self.process.wait()
