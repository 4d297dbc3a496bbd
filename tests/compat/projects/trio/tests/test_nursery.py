import pytest
import trio


@pytest.fixture
async def echo(nursery):
    listeners = await nursery.start(trio.serve_tcp, _echo, 0)
    return listeners[0].socket.getsockname()[1]


async def _echo(stream):
    async for data in stream:
        await stream.send_all(data)


@pytest.mark.parametrize("number", range(8))
async def test_round_trip(echo, number):
    async with await trio.open_tcp_stream("127.0.0.1", echo) as stream:
        await stream.send_all(b"%d" % number)
        assert await stream.receive_some() == b"%d" % number


async def test_autojump(autojump_clock):
    await trio.sleep(3600)
    assert trio.current_time() >= 3600


async def test_process():
    finished = await trio.run_process(["echo", "hello"], capture_stdout=True)
    assert finished.stdout == b"hello\n"


async def test_fails():
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.cancel()
    raise ValueError("after the nursery")


@pytest.mark.parametrize("number", range(4))
async def test_thread(number):
    assert await trio.to_thread.run_sync(lambda: number) == number
