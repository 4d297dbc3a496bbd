import anyio
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stream():
    send, receive = anyio.create_memory_object_stream(4)
    async with send, receive:
        yield send, receive


@pytest.mark.parametrize("number", range(5))
async def test_stream(stream, number):
    send, receive = stream
    async with anyio.create_task_group() as group:
        group.start_soon(send.send, number)
        assert await receive.receive() == number


async def test_backend(anyio_backend_name, record_property):
    record_property("backend", anyio_backend_name)
    await anyio.sleep(0)


async def test_thread():
    assert await anyio.to_thread.run_sync(lambda: 5) == 5


async def test_deadline():
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep(60)
    assert scope.cancelled_caught


async def test_fails():
    with anyio.fail_after(0.01):
        await anyio.sleep(60)


class TestHigherScope:
    @pytest.fixture(scope="class")
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture(scope="class")
    async def resource(self, anyio_backend):
        yield "resource"

    async def test_one(self, resource):
        assert resource == "resource"

    async def test_two(self, resource):
        assert resource == "resource"
