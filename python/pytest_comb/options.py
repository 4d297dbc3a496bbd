"""The command line: comb's own options, and pytest-xdist's where it is not there."""

from __future__ import annotations

import argparse
import importlib.util
import os
from typing import Any

import pytest

from pytest_comb import gap, live, sizes, trace, worker_count

DIST_MODES = ("no", "load", "each", "loadscope", "loadfile", "loadgroup", "worksteal")
START_MODES = ("auto", "shard", "once", "import")
INI_CHOICES = {"comb_start": START_MODES, "comb_live": live.MODES}


def parse_seconds(text: str) -> float:
    """A time limit, for argparse; 0: none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time limit; write seconds (0: no limit)")
    return seconds


def check(config: pytest.Config, options: Any) -> None:
    """Before the first fork: what argparse did not check makes sense in a run of comb's."""
    for name, values in INI_CHOICES.items():
        if config.getini(name) not in values:
            raise pytest.UsageError(f"{name} = {config.getini(name)}: expected one of {', '.join(values)}")
    worker_count.check(options)


def xdist_is_coming(pluginmanager: Any) -> bool:
    """Whether pytest-xdist declares its options in this run, now or later."""
    if pluginmanager.hasplugin("xdist"):
        return True
    if pluginmanager.is_blocked("xdist") or importlib.util.find_spec("xdist") is None:
        return False
    config = pluginmanager.getplugin("pytestconfig")
    named = any("xdist" in str(arg) and "no:xdist" not in str(arg) for arg in config.invocation_params.args)
    return named or not (os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") or "--disable-plugin-autoload"
                         in config.invocation_params.args)


def add_own(parser: pytest.Parser) -> None:
    """--comb and what goes with it."""
    group = parser.getgroup("comb", "comb: run tests in parallel")
    group.addoption("--comb", action="store_true", dest="comb", default=None,
                    help="Run tests in parallel with comb's engine (alone it means -n auto)")
    group.addoption("--no-comb", action="store_false", dest="comb",
                    help="Not with comb's engine, whatever the configuration says: -n is pytest-xdist's then")
    group.addoption("--comb-start", choices=START_MODES, default=None, dest="comb_start",
                    help="How workers get their tests: shard (imported once, then forked, and each collects a part), once (collected "
                         "once, then forked) or import (each worker imports and collects, as under pytest-xdist); auto takes the "
                         "first of them that is safe, shard where it saves time")
    group.addoption("--comb-all-workers", action="store_true", dest="comb_all_workers", default=False,
                    help="As many workers as -n says at once; else more than there are processors only where tests wait")
    group.addoption("--comb-timeout", type=parse_seconds, default=0.0, metavar="SECONDS", dest="comb_timeout",
                    help="Stop a test that takes longer, show the stacks of its threads and go on with the others")
    group.addoption("--comb-max-rss", type=sizes.check, default=None, metavar="SIZE", dest="comb_max_rss",
                    help="Replace a worker that uses more memory (500M, 2G) between two tests by a new one")
    live.add_options(parser)
    gap.add_options(parser)
    trace.add_options(parser)
    group.addoption("--comb-no-history", action="store_true", dest="comb_no_history", default=False,
                    help="Neither read nor write how long tests take (.comb/history.db)")
    parser.addini("comb_history", "plan by what earlier runs took, and keep what this one takes", type="bool", default=True)
    parser.addini("integration_workers", "at most so many tests marked integration at once (0: no limit)", default="0")
    parser.addini("comb", "run tests in parallel with comb's engine", type="bool", default=False)
    parser.addini("comb_start", "as --comb-start", default="auto")


def add_xdist(parser: pytest.Parser) -> None:
    """The options of pytest-xdist that have a meaning here."""
    group = parser.getgroup("comb", "comb: run tests in parallel")
    group._addoption("-n", "--numprocesses", dest="numprocesses", metavar="N", type=worker_count.parse, default=None,
                     help="Number of workers: a number, auto or logical; 0 turns them off")
    group.addoption("--maxprocesses", dest="maxprocesses", metavar="N", type=int, default=None,
                    help="At most so many workers, whatever -n says")
    group.addoption("--max-worker-restart", dest="maxworkerrestart", metavar="N", default=None,
                    help="How many crashed workers are replaced (default 4 for each worker)")
    group.addoption("--dist", dest="dist", metavar="MODE", choices=DIST_MODES, default="no",
                    help="Which tests stay together: " + ", ".join(DIST_MODES))
    group._addoption("-d", dest="distload", action="store_true", default=False, help="The same as --dist=load")
    group.addoption("--loadscope-reorder", dest="loadscopereorder", action="store_true", default=True,
                    help="Accepted; scopes with most work start first where durations are known")
    group.addoption("--no-loadscope-reorder", dest="loadscopereorder", action="store_false",
                    help="Keep scopes in the order of the suite")
    group.addoption("--maxschedchunk", dest="maxschedchunk", metavar="N", type=int, default=None,
                    help="Accepted; work is handed out test by test")
    group.addoption("--testrunuid", dest="testrunuid", metavar="UID", default=None,
                    help="The value of the fixture testrun_uid (default: a new one each run)")


def wants_comb(config: pytest.Config, options: Any) -> bool:
    """Whether this run is comb's, from what is known before conftest files are read."""
    asked = (config.getini("comb") or trace.is_traced(options)) if options.comb is None else options.comb
    if options.comb is False or getattr(options, "numprocesses", None) == 0:
        trace.need_workers(options, ": leave out -n0 and --no-comb")
    if not asked:
        without_xdist = not config.pluginmanager.hasplugin("xdist") and options.comb is None
        return without_xdist and bool(getattr(options, "numprocesses", None))
    return getattr(options, "numprocesses", None) != 0
