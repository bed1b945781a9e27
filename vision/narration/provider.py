"""One provider of the chain: its key, its breaker, its allowance, and a question in its time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from vision.config.narration import NarrationBreaker, NarrationLimits, ProviderSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError
from vision.domain.narration import AttemptOutcome
from vision.domain.secret import Secret
from vision.narration.answer import AttemptFailedError, text_of
from vision.narration.chat import ChatClient
from vision.resilience.breaker import Breaker, BreakerState
from vision.resilience.log_throttle import LogThrottle


def key_file(provider: ProviderSettings) -> str:
    """The name of its secret file."""
    return f"narration_{provider.name}_key"


def read_key(provider: ProviderSettings, secrets: SecretFiles) -> Secret | None:
    """The key as it is now, None for a provider without one.

    Raises:
        ConfigError: The file is missing though the settings insist, or holds no key.
    """
    if provider.auth == "none":
        return None
    name = key_file(provider)
    key: Secret | None
    if provider.auth == "required":
        key = secrets.require(name, f"narration.providers: {provider.name}: auth is 'required'")
    else:
        key = secrets.read(name)
    if key is not None and not _fits_a_header(key.get_secret_value()):
        raise ConfigError(
            f"secret file {name}: a key is one line of letters, digits and signs without spaces: "
            "write the key alone into it"
        )
    return key


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0
# Not its fault, or nothing that waiting mends: another question may do better.
_NO_FAILURE = frozenset({AttemptOutcome.UNUSABLE, AttemptOutcome.BUSY})
_MINUTE_S = 60.0
LEAST_S = 0.05
"""Less than this is no time to ask anybody."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one provider.

    Attributes:
        provider: Its name.
        model: What was asked for.
        outcome: What came of it.
        latency_s: Until that was known.
        text: The sentence or two if it answered, else empty.
    """

    provider: str
    model: str
    outcome: AttemptOutcome
    latency_s: float
    text: str = ""


class Provider:
    """Asked by many at a time within one event loop."""

    def __init__(
        self,
        settings: ProviderSettings,
        limits: NarrationLimits,
        breaker: NarrationBreaker,
        client: ChatClient,
        *,
        read_key: Callable[[], Secret | None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``read_key`` reads the secret file, at each question anew."""
        self.settings = settings
        self._client = client
        self._read_key = read_key
        self._clock_s = clock_s
        self._max_tokens = limits.max_tokens
        # When it was asked: as often as it may be in a minute.
        self._asked_s: deque[float] = deque(maxlen=limits.per_minute)
        self._slots = asyncio.Semaphore(limits.at_once)
        self._breaker = Breaker(breaker.failures, breaker.rest_s, clock_s)
        self._refused_key: str | None = None
        self._abandoned = set[asyncio.Task[bytes]]()
        self._damper = LogThrottle(_LOG_PERIOD_S, clock_s)

    @property
    def state(self) -> BreakerState:
        """Whether it is asked now."""
        return self._breaker.state

    async def attempt(self, messages: list[dict[str, Any]], left_s: float) -> Attempt:
        """Ask, and be back in its own time or ``left_s`` seconds, the shorter of the two."""
        began_s = self._clock_s()
        try:
            text = await self._text(messages, min(left_s, self.settings.timeout_s))
            outcome = AttemptOutcome.ANSWERED
        except AttemptFailedError as failure:
            text, outcome = "", failure.outcome
        took_s = self._clock_s() - began_s
        return Attempt(self.settings.name, self.settings.model, outcome, took_s, text)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._abandoned):
            task.cancel()
        await self._client.close()

    async def _text(self, messages: list[dict[str, Any]], timeout_s: float) -> str:
        key = self._key()
        if not self._breaker.admit():
            raise AttemptFailedError(AttemptOutcome.RESTING)
        try:
            text = text_of(await self._body(messages, key, timeout_s))
        except AttemptFailedError as failure:
            self._note(failure, key)
            raise
        except BaseException:
            self._breaker.withdraw()
            raise
        if self._breaker.state is not BreakerState.CLOSED:
            _log.info("narrate.provider_back provider=%s", self.settings.name)
        self._breaker.succeed()
        self._refused_key = None
        return text

    async def _body(
        self, messages: list[dict[str, Any]], key: str | None, timeout_s: float
    ) -> bytes:
        until_s = self._clock_s() + timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise AttemptFailedError(AttemptOutcome.BUSY) from None
        try:
            if until_s - self._clock_s() < LEAST_S:
                raise AttemptFailedError(AttemptOutcome.BUSY)
            if not self._spend():
                raise AttemptFailedError(AttemptOutcome.LIMITED)
            question = self._client.ask(messages, self._max_tokens, key)
            return await self._in_time(question, until_s - self._clock_s())
        finally:
            self._slots.release()

    async def _in_time(self, question: Coroutine[Any, Any, bytes], timeout_s: float) -> bytes:
        """Its answer; one that takes longer is given up, and so is how long that takes."""
        asking = asyncio.create_task(question)
        try:
            done, _ = await asyncio.wait({asking}, timeout=max(0.0, timeout_s))
        except asyncio.CancelledError:
            self._abandon(asking)
            raise
        if not done:
            self._abandon(asking)
            raise AttemptFailedError(AttemptOutcome.TIMEOUT)
        return asking.result()

    def _abandon(self, asking: asyncio.Task[bytes]) -> None:
        self._abandoned.add(asking)
        asking.add_done_callback(self._forget)
        asking.cancel()

    def _forget(self, asking: asyncio.Task[bytes]) -> None:
        self._abandoned.discard(asking)
        if not asking.cancelled():
            asking.exception()

    def _key(self) -> str | None:
        """The key as it is now; another one than was refused is tried at once."""
        try:
            secret = self._read_key()
        except ConfigError as error:
            if self._damper.admit("key"):
                _log.error("narrate.no_key provider=%s reason=%s", self.settings.name, error)
            raise AttemptFailedError(AttemptOutcome.NO_KEY) from None
        key = None if secret is None else secret.get_secret_value()
        if self._refused_key is not None and key != self._refused_key:
            self._refused_key = None
            self._breaker.retry_now()
        return key

    def _note(self, failure: AttemptFailedError, key: str | None) -> None:
        outcome = failure.outcome
        if not outcome.is_asked or outcome in _NO_FAILURE:
            self._breaker.withdraw()
        elif outcome is AttemptOutcome.UNAUTHORIZED:
            self._refused_key = key or ""
            self._breaker.fail()
        else:
            self._breaker.fail(failure.rest_s)
        if times := self._damper.admit(outcome):
            _log.warning(
                "narrate.provider_failed provider=%s outcome=%s times=%d",
                self.settings.name,
                outcome.value,
                times,
            )

    def _spend(self) -> bool:
        """Whether another question fits into the allowance of this minute."""
        now_s, asked_s = self._clock_s(), self._asked_s
        if len(asked_s) == asked_s.maxlen and now_s - asked_s[0] < _MINUTE_S:
            return False
        asked_s.append(now_s)
        return True
