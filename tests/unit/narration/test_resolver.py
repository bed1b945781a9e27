"""A resolver that hangs holds up neither the others nor the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vision.narration.resolver import Resolver


def test_an_address_needs_no_look_up() -> None:
    """Nor does it ask anybody."""

    def never(host: str, port: int) -> list[str]:
        raise AssertionError((host, port))

    async def ask() -> list[str]:
        resolver = Resolver(never)
        return await resolver.addresses("127.0.0.1", 80) + await resolver.addresses("::1", 80)

    assert asyncio.run(ask()) == ["127.0.0.1", "::1"]


def test_a_hanging_look_up_is_asked_once_and_left_behind() -> None:
    """Whoever gives up, gives up in time; the program ends while the thread still hangs."""
    release, asked = threading.Event(), []

    def hang(host: str, port: int) -> list[str]:
        asked.append((host, port))
        release.wait(30)
        return ["127.0.0.1"]

    async def ask() -> None:
        resolver = Resolver(hang)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await resolver.addresses("cloud", 443)

    asyncio.run(ask())
    release.set()
    assert asked == [("cloud", 443)]


def test_an_answer_that_came_late_serves_the_next_question() -> None:
    """The look-up is not begun anew."""
    release, asked = threading.Event(), []

    def hang(host: str, port: int) -> list[str]:
        asked.append((host, port))
        release.wait(30)
        return ["192.0.2.1", "192.0.2.2"]

    async def ask() -> list[str]:
        resolver = Resolver(hang)
        first = asyncio.create_task(resolver.addresses("cloud", 443))
        await asyncio.sleep(0)
        first.cancel()
        release.set()
        found = await resolver.addresses("cloud", 443)
        assert await resolver.addresses("cloud", 443) == found
        return found

    assert asyncio.run(ask()) == ["192.0.2.1", "192.0.2.2"]
    assert len(asked) == 1


def test_a_name_without_address_is_looked_up_again() -> None:
    """A failure is not kept: the network may be back."""
    answers: list[list[str]] = [[], ["192.0.2.7"]]

    async def ask() -> list[str]:
        resolver = Resolver(lambda _host, _port: answers.pop(0))
        with pytest.raises(OSError, match="no address"):
            await resolver.addresses("cloud", 443)
        return await resolver.addresses("cloud", 443)

    assert asyncio.run(ask()) == ["192.0.2.7"]
