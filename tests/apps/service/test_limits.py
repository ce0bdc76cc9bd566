"""Buckets: so many a minute, a client's own, and never a memory that grows."""

from __future__ import annotations

import pytest

from rag.apps.service import limits
from rag.apps.service.limits import Buckets, client_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(60, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(1.0)
    assert buckets.take("b") == 0
    clock.now = 0.5
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now = 1.01
    assert buckets.take("a") == 0
    clock.now = 100
    assert [buckets.take("a") == 0 for _ in range(4)] == [True, True, True, False]


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(0)
    assert not any(buckets.take("a") for _ in range(10_000))


def test_as_many_clients_as_there_may_be_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 10)
    buckets = Buckets(60, burst=1)
    for number in range(1_000):
        buckets.take(str(number))
    assert len(buckets._known) == 10


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_client_is_an_address_and_of_ipv6_a_network(address: str, client: str) -> None:
    assert client_of({"client": (address, 1)}) == client
    assert client_of({"client": None}) == ""
