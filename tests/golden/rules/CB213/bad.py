from multiprocessing.shared_memory import SharedMemory


def test_block():
    SharedMemory(name="block", create=True, size=8)  # CB213
