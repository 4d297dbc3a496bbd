"""Asking again."""

from itertools import islice

import pytest

from shop.payments import GatewayBusy, SandboxGateway
from shop.retry import backoff, retry


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures):
        self.failures = failures
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise GatewayBusy
        return "done"


def test_first_answer_counts():
    call = Flaky(0)
    assert retry(call, on=GatewayBusy) == "done"
    assert call.calls == 1


def test_waits_double():
    assert list(islice(backoff(0.5), 4)) == [0.5, 1, 2, 4]


def test_sleeps_between_attempts():
    naps = []
    retry(Flaky(3), on=GatewayBusy, first=1, sleep=naps.append)
    assert naps == [1, 2, 4]


def test_last_error_is_raised():
    with pytest.raises(GatewayBusy):
        retry(Flaky(9), on=GatewayBusy, attempts=3, first=0.05)


def test_other_errors_are_not_caught():
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 / 0, on=GatewayBusy)


def test_provider_recovers():
    gateway = SandboxGateway(latency=0.05, failures=3)
    charge = lambda: gateway.charge("4000-0119", 100)
    assert retry(charge, on=GatewayBusy, first=0.15) == "pay-1"
