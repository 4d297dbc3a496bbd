# file: src/shop/settings.py
import functools
import os


@functools.lru_cache
def mode():  # CB104
    return os.environ.get("SHOP_MODE", "test")


@functools.lru_cache(maxsize=None)
def banner():  # CB104
    with open("banner.txt") as file:
        return file.read()
