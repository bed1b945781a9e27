"""Who asks too often waits and is refused; who asks now and then never notices."""

from __future__ import annotations

import asyncio

import httpx

from tests.support.web import Node
from vision.web.access import SECURITY_HEADERS
from vision.web.rate import RateLimit, TokenBuckets


class _Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _asked(limit: RateLimit, *paths: str) -> list[httpx.Response]:
    """The answers to requests of one client, one after the other."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(limit, client=("192.0.2.9", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def test_a_burst_then_the_rate() -> None:
    """Two seconds' worth may come at once, after that as many a second as are allowed."""
    clock = _Clock()
    allowances = TokenBuckets(5, clock)
    assert [allowances.spend("a") for _ in range(11)] == [True] * 10 + [False]
    clock.now_s += 1
    assert [allowances.spend("a") for _ in range(6)] == [True] * 5 + [False]
    clock.now_s += 3600
    assert [allowances.spend("a") for _ in range(11)] == [True] * 10 + [False]


def test_one_client_takes_nothing_from_another() -> None:
    """Each address has its own allowance."""
    allowances = TokenBuckets(1, _Clock())
    assert [allowances.spend("a") for _ in range(3)] == [True, True, False]
    assert allowances.spend("b")


def test_memory_is_bounded() -> None:
    """However many addresses ask, only the last few thousand are remembered."""
    allowances = TokenBuckets(1, _Clock())
    for number in range(10_000):
        allowances.spend(str(number))
    assert len(allowances._left) == 4096
    assert "9999" in allowances._left


def test_refusal_says_why_and_when() -> None:
    """429 with a sentence, the time after which to ask again, and the security headers."""
    refused: list[tuple[str, int]] = []
    limit = RateLimit(Node().app(), 1, refused.append, _Clock(), refusal_delay_s=0)
    answers = _asked(limit, *["/api/cameras"] * 3)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Too many requests" in answers[2].text
    assert answers[2].headers["retry-after"] == "1"
    for name, value in SECURITY_HEADERS.items():
        assert answers[2].headers[name] == value
    assert refused == [("192.0.2.9", 4711)]


def test_pages_take_nothing_from_probes() -> None:
    """A client that is refused pages still gets an answer to its probes, up to their own limit."""
    limit = RateLimit(Node().app(), 1, lambda _: None, _Clock(), refusal_delay_s=0)
    answers = _asked(limit, *["/api/cameras"] * 5, *["/livez", "/readyz"] * 11)
    assert [answer.status_code for answer in answers[3:]] == [429] * 2 + [200] * 20 + [429] * 2


def test_addresses_of_one_prefix_share_an_allowance() -> None:
    """Whoever has a network of IPv6 asks from a new address each time, and is refused all the same."""
    limit = RateLimit(Node().app(), 1, lambda _: None, _Clock(), refusal_delay_s=0)

    async def ask(host: str) -> int:
        transport = httpx.ASGITransport(limit, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get("/api/cameras")).status_code

    crowd = [asyncio.run(ask(f"2001:db8::{number:x}")) for number in range(20)]
    assert crowd == [200] * 8 + [429] * 12
    assert asyncio.run(ask("2001:db8:0:1::1")) == 200
