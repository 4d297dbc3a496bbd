import socket


def listening():
    s = socket.socket()
    s.bind(("", 0))
    s.listen()
    return s


def test_name():
    s = socket.socket()
    s.bind(("", 0))
    assert s.getsockname()[1]
    s.close()
