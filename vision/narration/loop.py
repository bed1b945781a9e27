"""The event loop in which providers are asked, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from vision.config.narration import NarrationSettings
from vision.config.secrets import SecretFiles
from vision.narration.chain import Chain, NarrationResult
from vision.narration.chat import ChatClient
from vision.narration.facts import Facts
from vision.narration.network import open_pool
from vision.narration.provider import Attempt, Provider, read_key
from vision.narration.resolver import Resolver

# Whatever does not close by then is left behind.
_CLOSE_S = 0.5


def make_chain(
    settings: NarrationSettings,
    secrets: SecretFiles,
    on_attempt: Callable[[Attempt], None],
    resolver: Resolver | None = None,
) -> Chain:
    """The providers of ``settings`` in their order; connects to none.

    Raises:
        ConfigError: A certificate authority cannot be used.
    """
    resolver = resolver or Resolver()

    def make(number: int) -> Provider:
        provider = settings.providers[number]
        pool = open_pool(provider, resolver, settings.limits.at_once)
        return Provider(
            provider,
            settings.limits,
            settings.breaker,
            ChatClient(provider, pool),
            read_key=lambda: read_key(provider, secrets),
        )

    providers = [make(number) for number in range(len(settings.providers))]
    return Chain(providers, settings.language, on_attempt)


class NarrationLoop:
    """Takes facts from any thread and gives futures; one thread runs it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._is_open = threading.Event()
        # Guards the end against a call from another thread.
        self._ending = threading.Lock()

    def run(self) -> None:
        """Ask providers until :meth:`stop` is called."""
        try:
            loop = self._loop = asyncio.new_event_loop()
        finally:
            # Whoever waits for it must not wait for ever.
            self._is_open.set()
        try:
            loop.run_until_complete(self._stopping.wait())
            loop.run_until_complete(self._end())
        finally:
            # No look-up and no hanging connection is waited for.
            with self._ending:
                self._loop = None
                loop.close()

    def narrate(
        self, facts: Facts, until_s: float, image_url: Callable[[], str | None]
    ) -> Future[NarrationResult]:
        """``facts`` in words, before ``until_s`` of the monotonic clock."""
        self._is_open.wait()
        with self._ending:
            if self._loop is None:
                return _nothing()
            return asyncio.run_coroutine_threadsafe(
                self.chain.narrate(facts, until_s, image_url), self._loop
            )

    def stop(self) -> None:
        """End :meth:`run`."""
        self._is_open.wait()
        with self._ending:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        closing = asyncio.create_task(self.chain.close())
        await asyncio.wait({closing, *tasks}, timeout=_CLOSE_S)
        # What was closed says goodbye to the loop in its next turn.
        await asyncio.sleep(0)


def _nothing() -> Future[NarrationResult]:
    """What comes of asking when all has ended."""
    nothing: Future[NarrationResult] = Future()
    nothing.cancel()
    return nothing
