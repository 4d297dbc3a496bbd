"""What the processes of a run say to each other: frame types, and values as JSON.

Frames travel through the rings of the board (zygote and workers to the controller); messages, which
are JSON objects, through a socket (controller to zygote). Nothing is ever unpickled.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
from typing import Any, Callable, Optional

PASSED = 1  # a test that passed with nothing to tell: binary, see src/native/board.c
REPORTS = 2  # {"test", "reports"}: anything else about a test
FINISHED = 3  # {"test"}: after REPORTS, the test is over
FAMILY = 4  # {"id", "prefix", "keywords"}: keywords that tests of one parent share
COLLECTED = 5  # what the zygote collected
COLLECT_REPORT = 6
WARNING = 7
INTERNAL_ERROR = 8
EXIT = 9  # {"message", "code"}: pytest.exit() was called
READY = 10  # a worker is about to run tests
GOODBYE = 11  # {"output"}: a worker ends in good order
DIED = 12  # {"worker", "pid", "status"}: the zygote saw a worker end
FAILED_START = 13  # {"error", "message"}: the zygote cannot go on
INTERRUPTED = 14  # KeyboardInterrupt in a worker
RETIRED = 15  # {"test", "reason", "failed"}: a worker that cannot go on ends between two tests; an error of its end, or ""
AGAIN = 16  # {"test", "location"}: a plugin runs the test once more
NEEDS_IMPORT = 17  # {"reason"}: what was collected cannot be shared by forked workers
SETUP = 19  # {"test", "scope", "name", "seconds"}: a fixture that several tests share was set up for this one
DIFFERENT = 18  # {"ids"}: a worker collected other tests than the first one
CHILDREN = 20  # {"test", "pids"}: processes that were first seen when this test had ended
LEFTOVERS = 21  # {"processes"}: what still ran when all workers had ended
OUTGROWN = 22  # {"bytes", "only_here"}: a worker ends between two tests, for its memory is above the limit
NOT_NEEDED = 23  # {"slot"}: this worker was not forked, for others have taken every test by now; or ends: there is none
NOT_FORKED = 25  # {"slot", "reason"}: the system refused a process for this worker
FRESH_DIED = 24  # {"test", "pid", "status", "stack"}: the process of a fresh test ended in it, its worker lives
PEAK = 27  # {"bytes"}: the most memory that a worker, or the process of a fresh test, had resident
SIGNALLED = 26  # {"slot", "test", "number"}: a test's signal came to the process that forks workers; -1: unknown

WALKED = 30  # {"names", "workers", "held"}: the zygote found the modules; workers expand them now
MODULE = 31  # {"module", "ids", "rows", "held", "deselected", "digest"}: a module was expanded
NEEDS_ONCE = 32  # {"reason"}: the modules cannot be expanded apart from each other
REGROUPED = 33  # the zygote has ended its workers, and collects by itself when told so
START = 34  # {"mode", "reason"}: how workers get their tests, and why not in a better way
UNLIKE = 35  # {"module", "holder"}: it has other tests when it is expanded again; holder -1: nobody has the first

SCHED_DONE = -1
SCHED_WAIT = -2
MAX_DESCRIPTORS = 2
PHASES = {"": 0, "setup": 1, "call": 2, "teardown": 3}


# Objects with one key that begins with this are no dictionaries of anybody, but what JSON has no word for.
TAG = "\0"
PLAIN = (str, int, float, type(None))  # as JSON has them; bool is an int
KEYS = (*PLAIN, bytes, tuple, frozenset, complex)  # the others are told by their str()


def _pack(value: Any) -> Any:
    """Tuples, sets, bytes and odd dictionaries as marked objects; what is none of all these as its repr."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict):
        made = {}
        for key, content in value.items():
            if type(key) is not str:
                return _pack_dict(value)
            made[key] = _pack(content)
        return _pack_dict(value) if len(made) == 1 and key[:1] == TAG else made
    if isinstance(value, list):
        return [_pack(v) for v in value]
    if isinstance(value, tuple):
        return {"\0tuple": [_pack(v) for v in value]}
    if isinstance(value, (set, frozenset)):
        return {"\0frozenset" if isinstance(value, frozenset) else "\0set": [_pack(v) for v in value]}
    if isinstance(value, bytes):
        return {"\0bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, complex):
        return {"\0complex": [value.real, value.imag]}
    return repr(value)


def _pack_dict(value: dict[Any, Any]) -> Any:
    """One whose keys are not all strings, or that looks like a marked object."""
    return {"\0dict": [[_pack(key) if isinstance(key, KEYS) else str(key), _pack(content)]
                       for key, content in value.items()]}


def _unpack_dict(pairs: list[Any]) -> dict[Any, Any]:
    return {key: content for key, content in pairs}


UNPACK: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "\0tuple": (list, tuple),
    "\0set": (list, set),
    "\0frozenset": (list, frozenset),
    "\0bytes": (str, base64.b64decode),
    "\0complex": (list, lambda parts: complex(*map(float, parts))),
    "\0dict": (list, _unpack_dict),
}


def _unpack(value: dict[str, Any]) -> Any:
    """The reverse, called by json for each object."""
    if len(value) != 1:
        return value
    ((key, content),) = value.items()
    if key[:1] != TAG:
        return value
    kind, make = UNPACK.get(key, (None, None))
    if make is None or type(content) is not kind:
        raise ValueError(f"no value of the protocol: {key[1:21]!r}")
    try:
        return make(content)
    except (TypeError, ValueError, OverflowError) as error:  # a key that cannot be one, half a pair
        raise ValueError(f"no {key[1:]}: {error}") from None


def encode(value: Any) -> bytes:
    """ASCII JSON: lone surrogates pass as escapes."""
    return json.dumps(_pack(value), separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> Any:
    """The value that encode() was given. Any other data: that value, or ValueError or RecursionError; no more is made of it
    than there is of it."""
    return json.loads(data, object_hook=_unpack)


def can_encode(value: Any) -> bool:
    """Whether decode(encode(value)) is the same value."""
    if isinstance(value, (*PLAIN, bytes, complex)):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(can_encode(v) for v in value)
    return isinstance(value, dict) and all(can_encode(k) and can_encode(v) for k, v in value.items())


class Link:
    """One end of the socket between controller and zygote."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    def send(self, message: dict[str, Any]) -> None:
        """Sends it whole; a peer that is gone is noticed elsewhere."""
        data = encode(message)
        try:
            self.socket.sendall(struct.pack("<I", len(data)) + data, socket.MSG_NOSIGNAL)  # SIGPIPE can be deadly here
        except OSError:
            pass

    def receive(self) -> Optional[dict[str, Any]]:
        """The next message, waiting for it; None when the peer is gone."""
        head = self._exactly(4)
        body = self._exactly(struct.unpack("<I", head)[0]) if head else b""
        return decode(body) if body else None

    def send_descriptors(self, slot: int, fds: list[int]) -> bool:
        """To the controller; false when they cannot be sent."""
        try:
            socket.send_fds(self.socket, [struct.pack("<i", slot)], fds)
        except OSError:
            return False
        return True

    def receive_descriptors(self) -> Optional[tuple[int, list[int]]]:
        """Without waiting; None when none are there."""
        try:
            data, extra, _, _ = self.socket.recvmsg(4, socket.CMSG_LEN(4 * MAX_DESCRIPTORS), socket.MSG_DONTWAIT)
        except OSError:
            return None
        fds = [fd for level, kind, packed in extra if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
               for (fd,) in struct.iter_unpack("i", packed[:len(packed) // 4 * 4])]
        return (struct.unpack("<i", data)[0], fds) if len(data) == 4 else None

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except OSError:
                return b""
            if not part:
                return b""
            data += part
        return data
