"""Objects that the garbage collector passes over, so that it touches no page of theirs, which a fork would have to copy.

gc.get_objects() and gc.get_referrers() pass over them too. Who calls one of these in a process is answered as in a serial
run: nothing is passed over there from then on.
"""

from __future__ import annotations

import gc
from typing import Any

from pytest_comb import _comb


def freeze() -> None:
    """All objects that there are."""
    gc.freeze()
    _exchange(PLAIN, THAWING)


def thaw() -> None:
    """They are objects like others again."""
    gc.unfreeze()
    _exchange(THAWING, PLAIN)


def is_frozen() -> bool:
    """Objects that are there, and that PLAIN passes over, are from before the last fork."""
    return gc.get_objects is THAWING["get_objects"]


def _exchange(old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in old:
        if getattr(gc, name) is old[name]:  # else a test has put something else there
            setattr(gc, name, new[name])


PLAIN = {name: getattr(gc, name) for name in ("get_objects", "get_referrers")}
THAWING = {name: _comb.first_then(thaw, plain) for name, plain in PLAIN.items()}
