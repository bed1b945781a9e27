"""What the errors of a connection to Redis mean, for the program and in words."""

from __future__ import annotations

import ssl

import redis

from vision.domain.errors import ConfigError

_ID_TOO_SMALL = "equal or smaller than the target stream top item"
_REASONS = {
    redis.AuthenticationError: (
        "it refused the login: check the secret file redis_password and the key redis.username; "
        "a user that is new is known once Redis was started again"
    ),
    redis.BusyLoadingError: "it is still loading its data",
    redis.TimeoutError: "no answer in time",
    redis.ReadOnlyError: "it is a read-only replica",
    redis.exceptions.ClusterDownError: "its cluster takes nothing while a part of it is down",
    redis.exceptions.MovedError: "its cluster moved the keys to another node",
}


class NoPrimaryError(redis.ConnectionError):
    """Nobody says who the primary is; the text is ours and may be shown."""


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


def is_of_another_type(error: redis.RedisError) -> bool:
    """Whether somebody else keeps something of another type under the name."""
    return isinstance(error, redis.ResponseError) and code_of(error) == "WRONGTYPE"


def is_elsewhere(reply: object) -> bool:
    """Whether another server has to be asked: this one is no primary, or not of this key.

    It may stay so for ever, and the connection to it may last as long. So whoever hears it
    has to find out anew where to connect to.
    """
    return isinstance(
        reply,
        redis.ReadOnlyError | redis.exceptions.MovedError | redis.exceptions.ClusterDownError,
    )


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
    if isinstance(error, NoPrimaryError):
        return str(error)
    if "max number of clients" in str(error):
        return "it has too many clients"
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate was not accepted: {cause.verify_message.rstrip('.')}: check "
            "redis.url and redis.tls.ca_file"
        )
    if isinstance(cause, FileNotFoundError):
        return "the socket or certificate file that redis.url names does not exist"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return "the connection was lost"
