import fakeredis
import redis


def test_counter():
    assert isinstance(fakeredis.FakeRedis(), redis.Redis)
