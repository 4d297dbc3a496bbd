import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from wsgiref.simple_server import make_server

import uvicorn
from shop.api import ApiServer, CallbackServer

PORT = 8765
ADDRESS = ("localhost", PORT)


def test_server():
    with HTTPServer(("127.0.0.1", 8765), BaseHTTPRequestHandler):  # CB204
        pass


def test_bind():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 9000))  # CB204


def test_constant(store):
    ApiServer(store, PORT)  # CB204


def test_pair():
    CallbackServer(ADDRESS, b"secret")  # CB204


def test_keyword(app):
    uvicorn.run(app, port=8000)  # CB204


def test_positional(app):
    make_server("", 8080, app)  # CB204
