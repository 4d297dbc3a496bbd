import functools
import os


@functools.lru_cache
def mode():
    return os.environ.get("SHOP_MODE", "test")


@functools.lru_cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
