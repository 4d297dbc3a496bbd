"""A client of the HTTP API."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import Any


class ApiError(Exception):
    """The shop answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Client:
    """Talks to the shop on one port of this machine."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self._port = port
        self._timeout = timeout

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, data: Any = None) -> Any:
        return self._ask("POST", path, json.dumps(data or {}))

    def wait_for_status(
        self, order_id: int, status: str, interval: float = 0.1, attempts: int = 100
    ) -> Any:
        """Poll the order until it has the status; the order."""
        for _ in range(attempts):
            order = self.get(f"/orders/{order_id}")
            if order["status"] == status:
                return order
            time.sleep(interval)
        raise TimeoutError(f"order {order_id} is still {order['status']}")

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            result = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiError(response.status, result["error"])
        return result
