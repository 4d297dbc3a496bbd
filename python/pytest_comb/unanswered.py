"""Hooks of pytest-xdist that have no meaning where workers are forked and pull their tests: who implements one is told."""

from __future__ import annotations

import pytest

from pytest_comb.per_item import place_of

UNANSWERED = {
    "pytest_xdist_make_scheduler": "tests are handed out by comb's own scheduler",
    "pytest_xdist_getremotemodule": "workers are forked, and run no module that is sent to them",
}


def warn(config: pytest.Config) -> list[str]:
    """A warning for each implementation but pytest-xdist's own. Where warnings are errors these are none: lines to be told."""
    lines = []
    for name, instead in UNANSWERED.items():
        caller = getattr(config.pluginmanager.hook, name, None)
        for found in caller.get_hookimpls() if caller is not None else ():
            if (getattr(found.function, "__module__", "") or "").split(".")[0] == "xdist":
                continue
            text = (f"comb: {place_of(found)} implements {name}, which is not called: {instead}. "
                    "With `-n N --no-comb` pytest-xdist runs the tests, and calls it.")
            try:
                config.issue_config_time_warning(pytest.PytestWarning(text), stacklevel=2)
            except pytest.PytestWarning:
                lines.append(text)
    return lines
