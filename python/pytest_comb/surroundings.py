"""What the comb command put into the environment to bring its plugin along: not for tests to see."""

from __future__ import annotations

import os

SAVED_PATH = "COMB_SAVED_PYTHONPATH"


def restore_path() -> None:
    """The user's own PYTHONPATH again, in a process that runs tests. Safe twice."""
    saved = os.environ.pop(SAVED_PATH, None)
    if saved:
        os.environ["PYTHONPATH"] = saved
    elif saved is not None:
        os.environ.pop("PYTHONPATH", None)
