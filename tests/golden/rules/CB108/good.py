import io
import sys
from contextlib import redirect_stdout


def test_arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["shop"])


def test_output():
    out = io.StringIO()
    with redirect_stdout(out):
        print("x")


def test_restored():
    old, sys.stdout = sys.stdout, io.StringIO()
    try:
        print("x")
    finally:
        sys.stdout = old
