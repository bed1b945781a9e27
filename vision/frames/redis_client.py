"""How a connection to Redis is made, and what its errors mean in words."""

from __future__ import annotations

import itertools
import ssl
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError

_DEFAULT_PORT = 6379
_ID_TOO_SMALL = "equal or smaller than the target stream top item"
_REASONS = {
    redis.AuthenticationError: (
        "it refused the login: check the secret file redis_password and the key redis.username"
    ),
    redis.BusyLoadingError: "it is still loading its data",
    redis.TimeoutError: "no answer in time",
}


def open_client(settings: RedisSettings, password: str | None) -> redis.Redis:
    """A client for one connection, made on first use; when that is lost, the client is spent.

    redis-py's own retries would block a publish on a dead server for seconds, and its pool
    replaces a connection that the server closed without a word. After a loss there is
    always something to look at, so it has to show.

    Raises:
        ConfigError: The URL has a host name or an option that redis-py cannot use.
    """
    connections = itertools.count()

    def connect(connection: redis.Connection) -> None:
        if next(connections):
            raise redis.ConnectionError("the connection was lost")
        connection.on_connect()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated

    try:
        client = redis.Redis.from_url(
            settings.url,
            username=settings.username,
            password=password,
            socket_timeout=settings.command_timeout_s,
            socket_connect_timeout=settings.connect_timeout_s,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=connect,
            # The replies of RESP2 have one shape on all servers from 6.0 on.
            protocol=2,
        )
        # Options are not looked at before; this one is not connected.
        client.connection_pool.make_connection()
        # A host name that cannot be looked up would show at the first connection only.
        (urlsplit(settings.url).hostname or "").encode("idna")
    except (TypeError, ValueError):
        raise ConfigError(
            "redis.url: its host name, database or an option after '?' is not one that the "
            "Redis client can use: correct it"
        ) from None
    return client


def address_of(settings: RedisSettings) -> str:
    """Host and port, or the socket's path: what a log line may say of the URL."""
    parts = urlsplit(settings.url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or _DEFAULT_PORT}"


def code_of(error: redis.ResponseError) -> str:
    """The first word of Redis' reply: ``OOM``, ``NOPERM``, ``ERR`` and so on.

    The rest of it is never logged: for an unknown command it quotes the arguments.
    """
    code = error.status_code or str(error).partition(" ")[0]
    return code if code.isupper() else "ERR"


def is_id_too_small(reply: object) -> bool:
    """Whether XADD was refused because the stream's newest entry is not older."""
    return isinstance(reply, redis.ResponseError) and _ID_TOO_SMALL in str(reply)


def is_lasting(error: redis.ResponseError) -> bool:
    """Whether the same command would be refused for ever.

    Redis' own codes tell of a condition that can pass: memory, permission, role, a key of
    the wrong type. ``ERR`` tells of the command.
    """
    return code_of(error) == "ERR"


def explain(error: Exception) -> str:
    """Why Redis is away, in words without address or credential."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, redis.ResponseError):
        return f"it answered {code_of(error)}"
    if isinstance(error, redis.RedisError):
        return _explain_loss(error)
    if isinstance(error, ConfigError):
        return str(error)
    return f"its answer was not understood ({type(error).__name__})"


def _explain_loss(error: redis.RedisError) -> str:
    if "max number of clients" in str(error):
        return "it has too many clients"
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {cause.verify_message}"
    if isinstance(cause, FileNotFoundError):
        return "the socket or certificate file that redis.url names does not exist"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return "the connection was lost"
