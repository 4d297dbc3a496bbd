"""What the machine refuses: memory of a control group, /dev/shm, processes. Each where this machine can refuse it."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from engine_run import extension, left_behind, run, write

MEGABYTE = 1 << 20


class Group:
    """A control group of its own with a limit on memory, in whichever hierarchy has the controller."""

    def __init__(self, limit_bytes):
        name = "comb-test-" + uuid.uuid4().hex[:8]
        self.folder = self.make(Path("/sys/fs/cgroup/memory"), name) or self.make(Path("/sys/fs/cgroup"), name)
        if self.folder is None:
            pytest.skip("no control group with a memory limit can be made here")
        for file in ("memory.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swap.max"):
            try:
                (self.folder / file).write_text("0" if "swap" in file else str(limit_bytes))
            except OSError:
                continue
        if not any((self.folder / file).exists() for file in ("memory.max", "memory.limit_in_bytes")):
            self.remove()
            pytest.skip("control groups have no memory controller here")

    def make(self, root, name):
        own = Path("/proc/self/cgroup").read_text()
        for line in own.splitlines():
            _, kind, path = line.split(":", 2)
            if kind == ("memory" if root.name == "memory" else ""):
                for parent in (root / path.strip("/"), root):
                    try:
                        (parent / name).mkdir()
                        return parent / name
                    except OSError:
                        continue
        return None

    def enter(self):
        """In a child before exec."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for _ in range(100):
            try:
                self.folder.rmdir()
                return
            except OSError:
                for pid in (self.folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)


def pytest_in(folder, *args, before=None, prefix=()):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run([*prefix, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args], cwd=folder,
                          env={**clean, **extension()}, capture_output=True, text=True, timeout=120, preexec_fn=before)


def test_a_test_that_is_killed_for_want_of_memory(tmp_path):
    """By the kernel, in a control group: the crash report says so, and every other test has run."""
    write(tmp_path, test_a="def test_before(): pass\ndef test_eats():\n    kept = []\n    while True: kept.append(bytearray(b'x') * (8 << 20))\n"
                           "def test_after(): pass\n", test_b="def test_b(): pass\ndef test_c(): pass\n")
    group = Group(400 * MEGABYTE)
    try:
        done = pytest_in(tmp_path, "--comb", "-n2", before=group.enter)
    finally:
        group.remove()
    assert "crashed while running 'test_a.py::test_eats'" in done.stdout, done.stdout + done.stderr
    assert "killed by SIGKILL" in done.stdout and "out of memory" in done.stdout, done.stdout
    assert "1 failed, 4 passed" in done.stdout and done.returncode == 1
    assert not left_behind(tmp_path)


def private_mounts():
    """Words that run a command in a mount namespace of its own, or a skip."""
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare program here")
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*words, "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], capture_output=True).returncode == 0:
            return words
    pytest.skip("no mount namespace can be made here")


SHM = "mount -t tmpfs -o size=64k tmpfs /dev/shm && dd if=/dev/zero of=/dev/shm/full bs=1k count=1000 2>/dev/null; exec \"$@\""


@pytest.mark.parametrize("start", ["once", "shard", "import"])
def test_dev_shm_is_full(tmp_path, start):
    """The engine has no need of it."""
    body = "def test_full():\n    import os\n    at = os.statvfs('/dev/shm')\n    assert at.f_bavail == 0 and at.f_blocks * at.f_frsize <= 65536\n"
    write(tmp_path, **{f"test_{name}": body for name in "abcde"})
    words = private_mounts()
    done = pytest_in(tmp_path, "--comb", "-n2", f"--comb-start={start}", prefix=[*words, "sh", "-c", SHM, "sh"])
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout + done.stderr


def test_a_thousand_workers_with_a_test_each(tmp_path):
    """As many processes as tests that wait can use; each test runs once and nothing is left."""
    write(tmp_path, test_a="import os, pytest, time\n@pytest.mark.parametrize('n', range(1000))\ndef test_a(n, worker_id):\n"
                           "    open('ran-%d' % n, 'x').close()\n    open('by-' + worker_id, 'w').close()\n    time.sleep(0.3)\n")
    got = run(tmp_path, "--comb", "-n1000", timeout=120)
    assert got.counts == {"passed": 1000} and got.code == 0, got.out[-3000:]
    assert len(list(tmp_path.glob("ran-*"))) == 1000 and len(list(tmp_path.glob("by-*"))) > 50


def test_processes_are_refused(tmp_path):
    """A limit on processes below what was asked for: said, or got along with; nothing hangs and nothing is left."""
    pids = Path("/sys/fs/cgroup/pids")
    own = [line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if ":pids:" in line]
    folder = pids / own[0].strip("/") / ("comb-test-" + uuid.uuid4().hex[:8]) if own else None
    try:
        folder.mkdir()
        (folder / "pids.max").write_text("20")
    except (OSError, AttributeError):
        pytest.skip("no control group with a limit on processes can be made here")
    write(tmp_path, test_a="import pytest, time\n@pytest.mark.parametrize('n', range(60))\ndef test_a(n): time.sleep(0.02)\n")
    try:
        done = pytest_in(tmp_path, "--comb", "-n60", before=lambda: (folder / "cgroup.procs").write_text(str(os.getpid())))
    finally:
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError:
                for pid in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
    if done.returncode == 0:
        assert "60 passed" in done.stdout
    else:
        assert "Resource temporarily unavailable" in done.stdout + done.stderr, done.stdout + done.stderr
    assert not left_behind(tmp_path)


REFUSES = """
import errno, os
plain, granted = os.fork, 0
def fork():
    global granted
    granted += 1
    if granted > %d:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return plain()
os.fork = fork
"""


@pytest.mark.parametrize("start", ["once", "shard", "import"])
def test_a_refused_process_is_done_without(tmp_path, start):
    files = {f"test_{name}": "import time\ndef test_a(): time.sleep(0.05)\ndef test_b(): time.sleep(0.05)\n" for name in "abcde"}
    write(tmp_path, conftest=REFUSES % 1, **files)
    (tmp_path / "seed.py").write_text(REFUSES % 2)  # the first is the process that forks workers
    args = ["-p", "seed"] if start == "import" else []
    done = run(tmp_path, "--comb", "-n4", f"--comb-start={start}", *args, env={"PYTHONPATH": str(tmp_path)})
    assert done.counts == {"passed": 10}, done.out
    assert done.code == 0
    assert done.out.count("no process for worker") == 1 and "Resource temporarily unavailable" in done.out


@pytest.mark.parametrize("start", ["once", "shard"])
def test_without_any_process_the_run_ends_with_advice(tmp_path, start):
    files = {f"test_{name}": "def test_a(): pass\ndef test_b(): pass\n" for name in "abcde"}
    write(tmp_path, conftest=REFUSES % 0, **files)
    done = run(tmp_path, "--comb", "-n4", f"--comb-start={start}")
    assert done.code == 4, done.out
    assert "no process for a worker" in done.out and "pids.max" in done.out
    assert not left_behind(tmp_path)


def test_a_replay_without_a_process_for_each_of_its_workers_is_refused(tmp_path):
    write(tmp_path, test_a="import time\ndef test_a(): time.sleep(0.05)\ndef test_b(): time.sleep(0.05)\n")
    assert run(tmp_path, "--comb", "-n2", "--comb-trace=x.json").code == 0
    write(tmp_path, conftest=REFUSES % 1)
    done = run(tmp_path, "--comb-replay=x.json", timeout=20)
    assert done.code == 4 and "no process for a worker" in done.out, done.out


@pytest.mark.parametrize("granted", [0, 1])
def test_without_a_process_to_collect_in_there_is_advice_and_no_traceback(tmp_path, granted):
    write(tmp_path, test_a="def test_a(): pass\n", seed=REFUSES % granted)
    done = run(tmp_path, "-p", "seed", "--comb", "-n2", env={"PYTHONPATH": str(tmp_path)})
    assert done.code == 4 and "Traceback" not in done.out, done.out
    assert "no process to collect in" in done.out and "pids.max" in done.out
    assert not left_behind(tmp_path)
