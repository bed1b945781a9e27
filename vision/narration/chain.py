"""The chain of providers: each gets its time, and at the end stands the template."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision.config.narration import RESERVE_S
from vision.domain.narration import TEMPLATE, AttemptOutcome
from vision.narration.facts import Facts
from vision.narration.provider import LEAST_S, Attempt, Provider
from vision.narration.wording import Language, question, sentence


@dataclass(frozen=True, slots=True)
class NarrationResult:
    """An event in words.

    Attributes:
        text: One or two sentences.
        provider: Who wrote them.
        model: The model of a provider, None for the template.
        image: Whether it saw the snapshot.
        attempts: What came of each provider up to that one.
    """

    text: str
    provider: str
    model: str | None
    image: bool
    attempts: tuple[Attempt, ...]


class Chain:
    """Tells of events; any number at a time within one event loop."""

    def __init__(
        self,
        providers: Sequence[Provider],
        language: Language,
        on_attempt: Callable[[Attempt], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_attempt`` hears of each provider that was to be asked, or was not."""
        self.providers = tuple(providers)
        self._language = language
        self._on_attempt = on_attempt
        self._clock_s = clock_s

    async def narrate(
        self, facts: Facts, until_s: float, image_url: Callable[[], str | None]
    ) -> NarrationResult:
        """``facts`` in words, before ``until_s`` on the clock; never fails.

        ``image_url`` reads the snapshot; it is asked only for a provider that may see it.
        """
        attempts: list[Attempt] = []
        for provider in self.providers:
            left_s = until_s - RESERVE_S - self._clock_s()
            if left_s < LEAST_S:
                attempts.append(self._noted(_passed_over(provider, AttemptOutcome.NO_TIME)))
                continue
            url = image_url() if provider.settings.images else None
            messages = question(facts, self._language, url)
            attempt = self._noted(await provider.attempt(messages, left_s))
            attempts.append(attempt)
            if attempt.text:
                return NarrationResult(
                    text=attempt.text,
                    provider=attempt.provider,
                    model=attempt.model,
                    image=url is not None,
                    attempts=tuple(attempts),
                )
        return self._template(facts, attempts)

    def narrate_by_template(self, facts: Facts, why: AttemptOutcome) -> NarrationResult:
        """``facts`` in words at once; ``why`` says why nobody was asked. From any thread."""
        attempts = [self._noted(_passed_over(provider, why)) for provider in self.providers]
        return self._template(facts, attempts)

    async def close(self) -> None:
        """Give up what is under way."""
        await asyncio.gather(
            *(provider.close() for provider in self.providers), return_exceptions=True
        )

    def _template(self, facts: Facts, attempts: Sequence[Attempt]) -> NarrationResult:
        text = sentence(facts, self._language)
        return NarrationResult(text, TEMPLATE, None, image=False, attempts=tuple(attempts))

    def _noted(self, attempt: Attempt) -> Attempt:
        self._on_attempt(attempt)
        return attempt


def _passed_over(provider: Provider, why: AttemptOutcome) -> Attempt:
    return Attempt(provider.settings.name, provider.settings.model, why, 0.0)
