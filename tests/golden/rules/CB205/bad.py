import socket


def free_port():
    with socket.socket() as s:
        s.bind(("", 0))  # CB205
        return s.getsockname()[1]
