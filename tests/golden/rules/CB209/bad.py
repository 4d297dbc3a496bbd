import redis


def test_counter():
    client = redis.Redis()  # CB209
    client.flushdb()  # CB209
