"""How one connection to one Redis server is made."""

from __future__ import annotations

import itertools
import logging
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError

_log = logging.getLogger(__name__)
_DEFAULT_PORT = 6379


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """The inverse of ``str(address)``."""
    parts = urlsplit(f"//{text}")
    return Address(parts.hostname or "localhost", parts.port or _DEFAULT_PORT)


def open_client(
    settings: RedisSettings,
    password: str | None,
    at: Address | None = None,
    username: str | None = None,
) -> redis.Redis:
    """A client for one connection, made on first use; when that is lost, the client is spent.

    redis-py's own retries would block a publish on a dead server for seconds, and its pool
    replaces a connection that the server closed without a word. After a loss there is
    always something to look at, so it has to show.

    ``at`` replaces host and port of ``redis.url``; ``username`` is that of the ACL.

    Raises:
        ConfigError: The URL has a host name or an option that redis-py cannot use, or the
            certificate authority cannot be read.
    """
    connections = itertools.count()

    def connect(connection: redis.Connection) -> None:
        if next(connections):
            raise redis.ConnectionError("the connection was lost")
        connection.on_connect()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated

    url = settings.url if at is None else urlsplit(settings.url)._replace(netloc=str(at)).geturl()
    tls = _tls_options(settings)
    try:
        client = redis.Redis.from_url(
            url,
            username=username,
            password=password,
            socket_timeout=settings.command_timeout_s,
            socket_connect_timeout=settings.connect_timeout_s,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=connect,
            # The replies of RESP2 have one shape on all servers from 6.0 on.
            protocol=2,
            **tls,
        )
        # Options are not looked at before; this one is not connected.
        client.connection_pool.make_connection()
        # A host name that cannot be looked up would show at the first connection only.
        (urlsplit(url).hostname or "").encode("idna")
    except (TypeError, ValueError):
        raise ConfigError(
            "redis.url: its host name, database or an option after '?' is not one that the "
            "Redis client can use: correct it"
        ) from None
    return client


def _tls_options(settings: RedisSettings) -> dict[str, Any]:
    """What redis-py is to be told of certificates.

    Raises:
        ConfigError: ``redis.tls.ca_file`` cannot be used.
    """
    if urlsplit(settings.url).scheme != "rediss":
        return {}
    if not settings.tls.verify:
        return {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    if settings.tls.ca_file is not None:
        # redis-py reads it at each connection; here it is a mistake in the settings still.
        try:
            ssl.create_default_context(cafile=settings.tls.ca_file)
        except ssl.SSLError:
            raise ConfigError(
                f"redis.tls.ca_file: {settings.tls.ca_file} has no certificate in PEM form: "
                "name another file"
            ) from None
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise ConfigError(
                f"redis.tls.ca_file: {settings.tls.ca_file}: {reason}: name another file"
            ) from None
        options["ssl_ca_certs"] = str(settings.tls.ca_file)
    return options


def warn_if_unverified(settings: RedisSettings) -> None:
    """Say at the start of a program that nobody checks whom it talks to."""
    if urlsplit(settings.url).scheme == "rediss" and not settings.tls.verify:
        _log.warning(
            "redis.tls_unverified address=%s reason=redis.tls.verify is false: whoever answers "
            "there is believed and gets the password",
            address_of(settings),
        )


def address_of(settings: RedisSettings) -> str:
    """Host and port, or the socket's path: what a log line may say of the URL."""
    if settings.sentinels:
        return f"{settings.sentinel_name} of {settings.sentinels[0]}"
    if settings.cluster_nodes:
        return f"cluster of {settings.cluster_nodes[0]}"
    parts = urlsplit(settings.url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or _DEFAULT_PORT}"
