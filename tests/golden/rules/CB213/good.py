from multiprocessing.shared_memory import SharedMemory


def test_block():
    block = SharedMemory(create=True, size=8)
    SharedMemory(name=block.name)
