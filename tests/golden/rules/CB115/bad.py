import asyncio

import nest_asyncio


def test_fetch():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # CB115
    loop.close()


def test_policy():
    asyncio.set_event_loop_policy(None)  # CB115


def test_nested():
    nest_asyncio.apply()  # CB115
