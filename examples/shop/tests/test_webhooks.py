"""The payment provider calls back."""

import json
import threading
import time
from http.client import HTTPConnection

import pytest

from shop.webhooks import CallbackServer, sign

SECRET = b"from the dashboard"


@pytest.fixture
def receiver():
    server = CallbackServer(("127.0.0.1", 8765), SECRET)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def call_back(event, secret=SECRET):
    """What the provider does 150 ms after a payment; the status it gets."""
    time.sleep(0.15)
    body = json.dumps(event).encode()
    connection = HTTPConnection("127.0.0.1", 8765, timeout=20)
    connection.request("POST", "/", body, {"X-Signature": sign(body, secret)})
    status = connection.getresponse().status
    connection.close()
    return status


def test_payment_is_received(receiver):
    assert call_back({"paid": "pay-1"}) == 204
    assert receiver.events == [{"paid": "pay-1"}]


def test_events_keep_their_order(receiver):
    for number in range(3):
        call_back({"number": number})
    assert [event["number"] for event in receiver.events] == [0, 1, 2]


def test_forged_event(receiver):
    assert call_back({"paid": "pay-1"}, secret=b"guessed") == 403
    assert receiver.events == []


def test_signature_depends_on_the_secret():
    assert sign(b"{}", SECRET) != sign(b"{}", b"guessed")
