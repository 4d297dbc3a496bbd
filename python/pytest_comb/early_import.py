"""Test files are imported in one process, in the order of a serial run, before others expand them (docs/adr/0014-shard.md)."""

from __future__ import annotations

import functools
import sys
import unittest
from types import TracebackType
from typing import Any, NoReturn, Optional

import pytest

GENERATE = "pytest_generate_tests"
SKIPS = (pytest.skip.Exception, unittest.SkipTest)


def is_plain(node: Any) -> bool:
    """A file of tests to which nothing happens before they are made but its import: not one of doctests, or of a plugin."""
    return isinstance(node, pytest.Module) and type(node).collect is pytest.Module.collect


def do_now(node: Any, config: pytest.Config) -> Optional[BaseException]:
    """What the import raised: whoever asks for the module of this file raises it again, with what was written to the outputs."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.resume_global_capture()
    try:
        node.obj
        raised = None
    except BaseException as error:
        raised = error
    finally:
        written = ("", "")
        if capture is not None:
            capture.suspend_global_capture()
            written = capture.read_global_capture()
    if raised is not None:
        node._getobj = functools.partial(_raise_again, raised, raised.__traceback__, written)
    return raised


def _raise_again(error: BaseException, traceback: Optional[TracebackType], written: tuple[str, str]) -> NoReturn:
    sys.stdout.write(written[0])
    sys.stderr.write(written[1])
    raise error.with_traceback(traceback)


def generates_tests(module: object) -> bool:
    """Its tests are made by functions of its own, which may look at whatever tests change."""
    values = getattr(module, "__dict__", {})
    classes = [value for value in values.values() if issubclass(type(value), type)]  # isinstance() would wake lazy objects
    return GENERATE in values or any(GENERATE in vars(base) for each in classes for base in each.__mro__)
