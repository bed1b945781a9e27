"""A chain of providers for a test, and what it told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vision.config.narration import NarrationSettings
from vision.config.secrets import SecretFiles
from vision.narration.chain import Chain, NarrationResult
from vision.narration.facts import Facts
from vision.narration.loop import make_chain
from vision.narration.provider import Attempt
from vision.narration.resolver import Resolver

SECOND_S = 20.0
DEADLINE_S = 50.0
FACTS = Facts(
    camera="front",
    happened="appeared",
    object="person",
    first_seen="14:02",
    last_seen="14:02",
    duration_s=0,
    zones=("Haustür",),
    crossings=(),
    stands_still=False,
    watched_all_the_time=True,
)


def narration_settings(*urls: str, timeout_s: float = 0.3, **changes: Any) -> NarrationSettings:
    """Providers called ``cloud`` and ``ollama`` at ``urls``; ``changes`` of other keys.

    ``timeout_s`` is that of the first; the second, which is to answer, has all the time that a
    busy machine may take for it.
    """
    providers = [
        {"name": name, "url": url, "model": f"m-{name}", "timeout_s": limit_s}
        for name, url, limit_s in zip(
            ("cloud", "ollama"), urls, (timeout_s, SECOND_S), strict=False
        )
    ]
    changes = {"deadline_s": DEADLINE_S} | changes
    return NarrationSettings.model_validate({"providers": providers} | changes)


class Narrator:
    """A chain in an event loop of its own; ``attempts`` is all that came of providers."""

    def __init__(
        self,
        settings: NarrationSettings,
        secrets_dir: Path = Path("/nonexistent"),
        lookup: Callable[[str, int], list[str]] | None = None,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.settings = settings
        self._runner = asyncio.Runner()
        secrets = SecretFiles(secrets_dir, lambda *_: None)
        resolver = Resolver(lookup) if lookup else None
        self.chain: Chain = make_chain(settings, secrets, self.attempts.append, resolver)

    def narrate(self, times: int = 1, image_url: str | None = None) -> list[NarrationResult]:
        """What is told of ``times`` events at once."""

        async def tell_all() -> list[NarrationResult]:
            until_s = time.monotonic() + self.settings.deadline_s
            told = [self.chain.narrate(FACTS, until_s, lambda: image_url) for _ in range(times)]
            return list(await asyncio.gather(*told))

        return self._runner.run(tell_all())

    def timed(self) -> tuple[NarrationResult, float]:
        """What is told of one event, and seconds until it was."""
        began_s = time.monotonic()
        (told,) = self.narrate()
        return told, time.monotonic() - began_s

    def close(self) -> None:
        """End the loop."""
        self._runner.run(self.chain.close())
        self._runner.close()
