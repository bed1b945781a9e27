"""Connections to providers: own look-ups, no proxy and nothing else of the environment."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from functools import cache

import httpcore

from vision.config.narration import ProviderSettings, is_local_address
from vision.domain.errors import ConfigError
from vision.narration.resolver import Resolver

# An address that does not answer at once makes way for the next, if there is one.
_TURN_S = 0.3
_KEPT_IDLE_S = 30.0


class LookupFailedError(httpcore.ConnectError):
    """The name of a provider has no address, or none that may be used."""


class Network(httpcore.AsyncNetworkBackend):
    """Connects by TCP to what :class:`Resolver` found."""

    def __init__(self, resolver: Resolver, *, local_only: bool) -> None:
        """With ``local_only`` an address outside of private networks is not connected to."""
        self._resolver = resolver
        self._local_only = local_only
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the name is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        try:
            addresses = await self._resolver.addresses(host, port)
        except OSError:
            raise LookupFailedError from None
        if self._local_only:
            addresses = [address for address in addresses if is_local_address(address)]
        if not addresses:
            raise LookupFailedError
        for address in addresses[:-1]:
            try:
                return await self._sockets.connect_tcp(
                    address, port, _TURN_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002  none is connected to
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  as above
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002  as above
    ) -> httpcore.AsyncNetworkStream:
        """Not for providers."""
        raise httpcore.ConnectError

    async def sleep(self, seconds: float) -> None:
        """As asyncio does."""
        await asyncio.sleep(seconds)


def open_pool(
    provider: ProviderSettings, resolver: Resolver, at_once: int
) -> httpcore.AsyncConnectionPool:
    """Connections to one provider, made when they are needed.

    Raises:
        ConfigError: The certificate authority cannot be used.
    """
    return httpcore.AsyncConnectionPool(
        ssl_context=_tls(provider),
        # One that is given up may take a moment to close; nobody waits for it.
        max_connections=2 * at_once,
        max_keepalive_connections=at_once,
        keepalive_expiry=_KEPT_IDLE_S,
        network_backend=Network(resolver, local_only=provider.is_plain_and_local),
    )


@cache
def _usual_tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def _tls(provider: ProviderSettings) -> ssl.SSLContext:
    context = _usual_tls()
    if provider.ca_file is not None:
        context = httpcore.default_ssl_context()
        try:
            context.load_verify_locations(provider.ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"narration.providers: {provider.name}: ca_file: {provider.ca_file} cannot be "
                "read as a certificate in PEM form: name another file"
            ) from None
    return context
