import builtins
import gc
import sys


def test_deep():
    sys.setrecursionlimit(50)  # CB117


def test_no_collection():
    gc.disable()  # CB117


def test_input():
    builtins.input = lambda prompt: "yes"  # CB117
