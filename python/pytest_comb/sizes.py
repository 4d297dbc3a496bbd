"""Amounts of memory as people write them."""

from __future__ import annotations

import argparse
import re
import resource
from typing import Optional

FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def check(text: str) -> str:
    """For the command line."""
    if not re.fullmatch(r"\d+(\.\d+)?\s*([KMGT]i?)?B?", text, re.IGNORECASE) or parse(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory; write 500M or 2G")
    return text


def parse(text: Optional[str]) -> int:
    """Bytes; 0 for none."""
    if not text:
        return 0
    number, factor = re.match(r"([\d.]+)\s*([KMGT]?)", text.upper()).groups()  # type: ignore[union-attr]
    return int(float(number) * FACTORS[factor])


def peak_bytes() -> int:
    """The most that this process has had resident; a fork begins with what its parent has then."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def show(size: int) -> str:
    """For people."""
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MB"
