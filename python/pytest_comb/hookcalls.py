"""Hooks called by C instead of pluggy's Python, in every process of a run: see docs/adr/0024."""

from __future__ import annotations

from inspect import CO_VARKEYWORDS
from types import FunctionType
from typing import Any

from pytest_comb import _comb

ARGUMENTS = {  # of the functions that are replaced; with any others they are not the ones that are known
    "__call__": ("self", "kwargs"),
    "_hookexec": ("self", "hook_name", "methods", "kwargs", "firstresult"),
    "_multicall": ("hook_name", "hook_impls", "caller_kwargs", "firstresult"),
}


replaced: dict[Any, Any] = {}
"""pluggy's _multicall -> what stands for it: HookCaller is changed once in a process, each manager for itself."""


def take(manager: Any) -> None:
    """Where pluggy is one that is known, and nobody watches its calls."""
    plain = manager._inner_hookexec
    if plain not in replaced:
        caller, hookexec = type(manager.hook.pytest_runtest_protocol), getattr(type(manager), "_hookexec", None)
        if not all(_is_known(function) for function in (plain, hookexec, caller.__dict__.get("__call__"))):
            return
        wrapper_failed = plain.__globals__.get("_raise_wrapfail")
        if wrapper_failed is None or "run_old_style_hookwrapper" not in plain.__globals__:
            return  # before 1.6, which treats a StopIteration in a wrapper otherwise
        replaced[plain] = _comb.take_hook_calls(caller, hookexec, plain, wrapper_failed)
    manager._inner_hookexec = replaced[plain]


def _is_known(function: Any) -> bool:
    """A function of Python with the arguments of the one that comb does the work of."""
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    count = code.co_argcount + bool(code.co_flags & CO_VARKEYWORDS)
    return code.co_varnames[:count] == ARGUMENTS.get(code.co_name)
