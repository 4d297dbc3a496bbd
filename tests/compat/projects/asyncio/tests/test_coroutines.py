import asyncio
import signal
import threading

import pytest
import pytest_asyncio


@pytest_asyncio.fixture
async def server():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield running.sockets[0].getsockname()[1]
    running.close()


@pytest.mark.parametrize("number", range(8))
async def test_round_trip(server, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", server)
    writer.write(b"%d\n" % number)
    assert await reader.readline() == b"%d\n" % number
    writer.close()


async def test_subprocess():
    process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"hello\n"


async def test_signal_handler():
    assert threading.current_thread() is threading.main_thread()
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, arrived.set)
    signal.raise_signal(signal.SIGUSR1)
    await asyncio.wait_for(arrived.wait(), 5)
    loop.remove_signal_handler(signal.SIGUSR1)


async def test_fails():
    await asyncio.sleep(0)
    raise ValueError("in a coroutine")


@pytest.mark.asyncio(loop_scope="class")
class TestOneLoop:
    loop = None

    async def test_first(self):
        TestOneLoop.loop = asyncio.get_running_loop()

    async def test_second(self):
        assert TestOneLoop.loop in (None, asyncio.get_running_loop())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared():
    yield asyncio.get_running_loop()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(4))
async def test_shared_loop(shared, number):
    assert shared is asyncio.get_running_loop()
