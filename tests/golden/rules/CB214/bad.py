import os
import resource


def test_mode():
    os.umask(0o077)  # CB214


def test_limit():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # CB214
