"""The HTTP API: JSON over the standard library's server.

GET  /health                      GET  /orders/<id>
GET  /products[?q=..&currency=..] POST /orders {"customer": .., "lines": {sku: n}}
GET  /products/<sku>              POST /orders/<id>/payment {"card": ..}   (202: paid later)
                                  POST /orders/<id>/refund
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator
from urllib.parse import parse_qs, urlsplit

from shop import exchange
from shop.catalogue import Product, UnknownProduct
from shop.orders import Order, OrderService, UnknownOrder, WrongStatus
from shop.payments import Declined, SandboxGateway
from shop.store import OutOfStock, Store

STATUS_OF = {
    UnknownProduct: 404,
    UnknownOrder: 404,
    WrongStatus: 409,
    OutOfStock: 409,
    Declined: 402,
    KeyError: 400,
    ValueError: 400,
}


class ApiServer(ThreadingHTTPServer):
    """The shop's server; payments run in the background until it is closed."""

    def __init__(self, store: Store, gateway: SandboxGateway, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), ApiHandler)
        self.store = store
        self.service = OrderService(store, gateway)
        self.background = ThreadPoolExecutor(max_workers=2)

    def server_close(self) -> None:
        super().server_close()
        self.background.shutdown()


class ApiHandler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self._answer(get, self.server, url.path.strip("/").split("/"), query)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(post, self.server, self.path.strip("/").split("/"), body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _answer(self, handle: Any, *arguments: Any) -> None:
        try:
            status, result = handle(*arguments)
        except tuple(STATUS_OF) as error:
            status = next(code for kind, code in STATUS_OF.items() if isinstance(error, kind))
            result = {"error": f"{type(error).__name__}: {error}"}
        content = json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def get(server: ApiServer, path: list[str], query: dict[str, str]) -> tuple[int, Any]:
    if path == ["health"]:
        return 200, {"status": "ok"}
    if path == ["products"]:
        found = server.store.catalogue().search(query.get("q", ""))
        return 200, [product_json(p, query.get("currency", "EUR")) for p in found]
    if len(path) == 2 and path[0] == "products":
        return 200, product_json(server.store.catalogue().find(path[1]), "EUR")
    if len(path) == 2 and path[0] == "orders":
        return 200, order_json(server.service.get(int(path[1])))
    return 404, {"error": "no such page"}


def post(server: ApiServer, path: list[str], body: bytes) -> tuple[int, Any]:
    data = json.loads(body or b"{}")
    if path == ["orders"]:
        return 201, order_json(server.service.place(data["customer"], data["lines"]))
    if len(path) == 3 and path[0] == "orders" and path[2] == "payment":
        order = server.service.get(int(path[1]))
        server.background.submit(server.service.pay, order.id, data["card"])
        return 202, order_json(order)
    if len(path) == 3 and path[0] == "orders" and path[2] == "refund":
        return 200, order_json(server.service.refund(int(path[1])))
    return 404, {"error": "no such page"}


def product_json(product: Product, currency: str) -> dict[str, Any]:
    price = exchange.convert(product.price, currency)
    return {"sku": product.sku, "name": product.name, "price": price, "currency": currency}


def order_json(order: Order) -> dict[str, Any]:
    return {"id": order.id, "status": order.status, "total": order.total, "lines": order.lines}


@contextmanager
def serving(server: ApiServer) -> Iterator[ApiServer]:
    """Answer requests in a thread for as long as the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="shop api")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
