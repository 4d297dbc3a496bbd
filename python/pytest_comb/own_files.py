"""Files that Python closes when an interpreter ends, which is what the processes of a run do not come to.

Temporary files with a name are removed then, and what was written to others leaves their buffers. Each process looks after those it
has opened itself; what it has from its parent others still use.
"""

from __future__ import annotations

import io
import tempfile
import traceback
import weakref
from typing import Any

from pytest_comb import frozen

WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_closers: weakref.WeakSet[Any] = weakref.WeakSet()


def watch() -> None:
    """From now on, in this process and in those that are forked from it."""
    kind: Any = getattr(tempfile, "_TemporaryFileCloser", None)
    if kind is None:
        return
    plain = kind.__init__

    def noting(self: Any, *args: Any, **more: Any) -> None:
        plain(self, *args, **more)
        _closers.add(self)

    kind.__init__ = noting


def begin_anew() -> None:
    """After a fork: nothing is this process's own."""
    _closers.clear()


def close() -> None:
    """The last thing that a process does."""
    if frozen.is_frozen():  # else there is no telling which are its own
        for each in frozen.PLAIN["get_objects"]():
            if type(each) in WRITERS:
                _try(each.flush)
    for closer in list(_closers):
        _try(closer.__del__)


def _try(action: Any) -> None:
    try:
        action()
    except (OSError, ValueError):
        pass  # it is closed, or nobody reads it any more; Python says nothing then either
    except BaseException:
        traceback.print_exc()
