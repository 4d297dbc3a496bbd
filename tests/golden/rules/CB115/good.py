import asyncio

import pytest


def test_fetch():
    asyncio.run(asyncio.sleep(0))


@pytest.fixture
def event_loop():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
