"""The payment provider's sandbox: answers late, declines on request."""

from __future__ import annotations

import itertools
import threading
import time

DECLINED_CARD = "4000-0002"
UNRELIABLE_CARD = "4000-0119"
CONFIRMED_CARD = "4000-3220"


class Declined(Exception):
    """The bank says no; asking again does not help."""


class GatewayBusy(Exception):
    """The provider is overloaded; asking again may help."""


class SandboxGateway:
    """Charges and refunds after `latency` seconds, as the real provider does.

    The unreliable card is answered with GatewayBusy `failures` times before it
    works; the confirmed card needs `polls` questions before it counts as paid.
    """

    def __init__(self, latency: float = 0.15, failures: int = 2, polls: int = 3) -> None:
        self.latency = latency
        self._failures_left = failures
        self._polls = polls
        self._numbers = itertools.count(1)
        self._amounts: dict[str, int] = {}
        self._polls_left: dict[str, int] = {}
        self._lock = threading.Lock()

    def charge(self, card: str, cents: int) -> str:
        """A payment's reference."""
        time.sleep(self.latency)
        with self._lock:
            self._refuse(card)
            reference = f"pay-{next(self._numbers)}"
            self._amounts[reference] = cents
            self._polls_left[reference] = self._polls if card == CONFIRMED_CARD else 0
            return reference

    def confirmed(self, reference: str) -> bool:
        """Whether the customer has confirmed the payment in the banking app."""
        time.sleep(self.latency)
        with self._lock:
            self._polls_left[reference] = max(0, self._polls_left[reference] - 1)
            return self._polls_left[reference] == 0

    def refund(self, reference: str) -> int:
        """The cents given back."""
        time.sleep(self.latency)
        with self._lock:
            if reference not in self._amounts:
                raise Declined(f"nothing to refund for {reference}")
            return self._amounts.pop(reference)

    def _refuse(self, card: str) -> None:
        if card == DECLINED_CARD:
            raise Declined("insufficient funds")
        if card == UNRELIABLE_CARD and self._failures_left:
            self._failures_left -= 1
            raise GatewayBusy("please try again")


def wait_for_confirmation(
    gateway: SandboxGateway, reference: str, interval: float, attempts: int = 10
) -> None:
    """Poll until the customer has confirmed; Declined after too many attempts."""
    for _ in range(attempts):
        if gateway.confirmed(reference):
            return
        time.sleep(interval)
    raise Declined(f"{reference} was never confirmed")
