import socket

LOG = open("tests.log", "w")  # CB120
SOCKET = socket.socket()  # CB120


def test_log():
    LOG.write("x")
