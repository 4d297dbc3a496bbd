import socket
from http.server import BaseHTTPRequestHandler, HTTPServer

from shop.api import ApiServer


def test_server():
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        assert server.server_port


def test_bind(free_port):
    sock = socket.socket()
    sock.bind(("127.0.0.1", free_port))
    sock.listen(5)


def test_any(store):
    ApiServer(store, port=0)


def test_url():
    assert parse("http://localhost:8000").port == 8000


def test_connects():
    assert connect(("localhost", 8000)) is None
