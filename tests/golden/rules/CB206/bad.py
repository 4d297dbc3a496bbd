import asyncio
import os

from filelock import FileLock


def test_socket(server):
    server.bind("/tmp/app.sock")  # CB206


def test_abstract(server):
    server.bind("\0shop")  # CB206


def test_fifo():
    os.mkfifo("/tmp/queue")  # CB206


async def test_server(handle):
    await asyncio.start_unix_server(handle, path="/tmp/shop.sock")  # CB206


def test_lock():
    with FileLock("/tmp/shop.lock"):  # CB206
        pass
