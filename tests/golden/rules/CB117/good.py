import builtins
import gc
import sys


def test_deep():
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(50)
    try:
        assert True
    finally:
        sys.setrecursionlimit(old)


def test_no_collection():
    gc.disable()
    try:
        assert True
    finally:
        gc.enable()


def test_input(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda prompt: "yes")
