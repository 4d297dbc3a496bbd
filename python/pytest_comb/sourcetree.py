"""Syntax trees of a project's files, each read once."""

from __future__ import annotations

import ast
import functools
from typing import Optional


@functools.lru_cache(maxsize=None)
def of_file(path: str) -> Optional[ast.Module]:
    """None where the file cannot be read or is no Python."""
    try:
        with open(path, "rb") as file:
            return ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
