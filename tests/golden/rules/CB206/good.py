import os


def test_socket(server, tmp_path):
    server.bind(str(tmp_path / "app.sock"))


def test_fifo(tmp_path):
    os.mkfifo(tmp_path / "queue")


def test_event(widget):
    widget.bind("<Button-1>", print)
