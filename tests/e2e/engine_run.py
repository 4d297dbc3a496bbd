"""Runs pytest with comb's engine on a small suite and looks at what it did."""

import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as tree


class Result:
    """Exit code, output, and the outcomes by node id as junit saw them."""

    def __init__(self, code, out, xml):
        self.code, self.out = code, out
        self.outcomes = {}
        self.counts = {}
        for case in tree.parse(xml).getroot().iter("testcase") if os.path.exists(xml) else ():
            kinds = sorted({child.tag for child in case if child.tag in ("failure", "error", "skipped")})
            name = "%s::%s" % (case.get("classname"), case.get("name"))
            self.outcomes.setdefault(name, []).append("+".join(kinds) or "passed")
        for count, word in re.findall(r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?|deselected)", self.last()):
            self.counts[word.rstrip("s") if word == "errors" else word] = int(count)

    def last(self):
        """pytest's last line."""
        lines = [line for line in self.out.splitlines() if re.search(r" in \d+\.\d+s", line)]
        return lines[-1] if lines else ""


def write(folder, **files):
    for name, text in files.items():
        (folder / (name + ".py")).write_text(text)


def extension():
    """Environment for another build of the plugin than the one in this interpreter (tools/crash-rounds)."""
    if "COMB_TEST_PLUGIN" not in os.environ:
        return {}
    return {"PYTHONPATH": os.environ["COMB_TEST_PLUGIN"], "LD_PRELOAD": os.environ["COMB_TEST_PRELOAD"]}


def heed_interrupts():
    """In the background of a shell script Ctrl-C is ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(folder, *args, env=None):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=report.xml", *args]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.Popen(command, cwd=folder, env={**clean, **extension(), **(env or {})}, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="surrogateescape", start_new_session=True, preexec_fn=heed_interrupts)


def run(folder, *args, env=None, timeout=60):
    report = folder / "report.xml"
    if report.exists():
        report.unlink()
    process = start(folder, *args, env=env)
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert not left_behind(folder), out
    return Result(process.returncode, out, report)


def comb(folder, *args, **keywords):
    return run(folder, "--comb", "-n2", *args, **keywords)


def serial(folder, *args, **keywords):
    return run(folder, "-p", "no:xdist", *args, **keywords)


def left_behind(folder):
    """Processes whose working directory is still the suite's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.samefile("/proc/%s/cwd" % pid, folder):
                with open("/proc/%s/stat" % pid) as file:
                    if file.read().rsplit(")", 1)[1].split()[0] != "Z":
                        found.append(int(pid))
        except OSError:
            pass
    return found
