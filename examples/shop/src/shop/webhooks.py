"""The payment provider calls back: who paid, signed with a shared secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

CALLBACK_PORT = 8765  # as entered on the provider's dashboard


def sign(body: bytes, secret: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


class CallbackServer(HTTPServer):
    """Collects the events that carry a good signature."""

    def __init__(self, address: tuple[str, int], secret: bytes) -> None:
        super().__init__(address, CallbackHandler)
        self.secret = secret
        self.events: list[dict[str, Any]] = []


class CallbackHandler(BaseHTTPRequestHandler):
    server: CallbackServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        expected = sign(body, self.server.secret)
        if hmac.compare_digest(expected, self.headers.get("X-Signature", "")):
            self.server.events.append(json.loads(body))
            self.send_response(204)
        else:
            self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
