"""What the errors of a connection to Redis mean, for the program and in words."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from typing import cast

import redis

from vision.domain.errors import ConfigError

_LOGIN = (
    "it refused the login: check the secret file redis_password and the key redis.username; "
    "a user that is new is known once Redis was started again"
)
_LOADING = "it is still loading its data: it answers once that is done"
_READONLY = "it is a read-only replica: name the primary in redis.url, or redis.sentinels"
_MASTERDOWN = "it is a replica that lost its primary: name the primary in redis.url"
_CLUSTERDOWN = "its cluster takes nothing while a part of it is down: look at CLUSTER NODES"
_MOVED = "its cluster moved the keys to another node: name its nodes in redis.cluster_nodes"
_OTHER_TYPE = "WRONGTYPE"
_REASONS = {
    redis.AuthenticationError: _LOGIN,
    redis.TimeoutError: "no answer in time",
    redis.BusyLoadingError: _LOADING,
    redis.ReadOnlyError: _READONLY,
    redis.exceptions.MasterDownError: _MASTERDOWN,
    redis.exceptions.ClusterDownError: _CLUSTERDOWN,
    redis.exceptions.MovedError: _MOVED,
}
# By the code that Redis puts first, and what helps. Nothing of the rest of a reply is repeated but
# names of commands: it may quote what was sent.
_CODES = {
    "NOAUTH": _LOGIN,
    "WRONGPASS": _LOGIN,
    "LOADING": _LOADING,
    "READONLY": _READONLY,
    "MASTERDOWN": _MASTERDOWN,
    "NOREPLICAS": (
        "it takes no writes with so few replicas (NOREPLICAS): start them, or lower "
        "min-replicas-to-write"
    ),
    "MISCONF": (
        "it takes no writes since it cannot write its snapshot (MISCONF): look at its log and for "
        "room on its disk"
    ),
    "OOM": (
        "its memory is at its limit (OOM): raise maxmemory, or keep less with "
        "publishing.stream_max_messages"
    ),
    "WRONGTYPE": (
        "a name that messages need holds something of another type (WRONGTYPE): look what it is "
        "with TYPE, and rename or delete it"
    ),
    "BUSY": "somebody's script keeps it busy (BUSY): end that with SCRIPT KILL",
    "NOSCRIPT": "it forgot the scripts (NOSCRIPT): they are loaded again",
    "CLUSTERDOWN": _CLUSTERDOWN,
    "MOVED": _MOVED,
    "ASK": "its cluster is moving the keys to another node: it is tried again",
    "TRYAGAIN": "its cluster is moving the keys to another node: it is tried again",
    "CROSSSLOT": "its cluster refuses keys of several slots: name its nodes in redis.cluster_nodes",
    "DENIED": (
        "it refuses other machines while it has no password (protected mode): set requirepass or "
        "users for it"
    ),
    "NOPROTO": "it does not know the protocol that was asked for: it is older than 6.2",
}
_RUN = re.compile(r"permissions to run the '([A-Za-z|_-]{1,40})' command")
_UNKNOWN = re.compile(r"unknown command [`']([A-Za-z_-]{1,40})[`']", re.IGNORECASE)
_UNKNOWN_SUB = re.compile(r"unknown subcommand .{0,100}[Tt]ry ([A-Z]{1,40}) HELP", re.DOTALL)
# Redis 6.2 says where in a script an error arose, and puts a code of its own before it.
_INSIDE_SCRIPT = re.compile(r"@user_script: ?\d+: -?([A-Z]{3,12}) ")
_SCRIPT_RIGHTS = "The user executing the script"
# Texts of ERR, and what they mean.
_TEXTS = {
    "max number of clients": (
        "it has too many clients: raise maxclients, or look with CLIENT LIST who holds so many"
    ),
    "without any password configured": (
        "it has no password, but there is a secret file redis_password: remove that, or set "
        "requirepass"
    ),
    "no password is set": (
        "it has no password, but there is a secret file redis_password: remove that, or set "
        "requirepass"
    ),
    "DB index is out of range": "it has no database of that number: correct redis.url",
    "SELECT is not allowed": (
        "it is a node of a cluster, which has no numbered databases: name redis.cluster_nodes"
    ),
    "cluster support disabled": "it is no node of a cluster: see redis.cluster_nodes",
}


class OtherTypeError(redis.ResponseError):
    """A key that all cameras share is of another type; the text is ours and may be shown."""

    def __init__(self, key: str) -> None:
        super().__init__(f"something of another type has the name {key}: rename or delete it")


class NoPrimaryError(redis.ConnectionError):
    """Nobody says who the primary is; the text is ours and may be shown."""


class HandshakeError(redis.ConnectionError):
    """The server hung up instead of answering; the text is ours and may be shown."""


def code_of(error: redis.ResponseError) -> str:
    """The first word of Redis' reply: ``OOM``, ``NOPERM``, ``ERR`` and so on.

    The rest of it is never logged: for an unknown command it quotes the arguments.
    """
    inside = _INSIDE_SCRIPT.search(str(error))
    if inside:
        return inside[1]
    if _SCRIPT_RIGHTS in str(error):
        return "NOPERM"
    code = error.status_code or str(error).partition(" ")[0]
    return code if code.isupper() else "ERR"


def is_lasting(error: redis.ResponseError) -> bool:
    """Whether the same command would be refused for ever.

    Redis' own codes tell of a condition that can pass: memory, permission, role, a key of
    the wrong type. ``ERR`` tells of the command.
    """
    return code_of(error) == "ERR"


def is_of_another_type(error: redis.RedisError) -> bool:
    """Whether somebody else keeps something of another type under the name."""
    # Up to Redis 6 a script's error has that of its command in the middle.
    return isinstance(error, redis.ResponseError) and (
        code_of(error) == _OTHER_TYPE or f": {_OTHER_TYPE} " in str(error)
    )


def is_elsewhere(reply: object) -> bool:
    """Whether another server has to be asked: this one is no primary, or not of this key.

    It may stay so for ever, and the connection to it may last as long. So whoever hears it
    has to find out anew where to connect to.
    """
    return isinstance(
        reply,
        redis.ReadOnlyError | redis.exceptions.MovedError | redis.exceptions.ClusterDownError,
    )


def raise_if_elsewhere(replies: Iterable[object]) -> None:
    """Raise the first reply that sends us to another server.

    What the other commands met with is found out about once more when they are sent again.
    """
    for reply in replies:
        if is_elsewhere(reply):
            raise cast("redis.ResponseError", reply)


def explain(error: Exception) -> str:
    """Why Redis is away or refused something and what helps, without address or credential."""
    if isinstance(error, NoPrimaryError | HandshakeError | OtherTypeError | ConfigError):
        return str(error)
    if isinstance(error, redis.RedisError):
        return _explain_reply(error) or _explain_loss(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"its answer was not understood ({type(error).__name__})"


def _explain_reply(error: redis.RedisError) -> str | None:
    """What Redis answered; None where it did not."""
    # The client makes errors of its own kinds of some answers.
    said = [reason for part, reason in _TEXTS.items() if part in str(error)]
    said += [reason for kind, reason in _REASONS.items() if isinstance(error, kind)]
    if said:
        return said[0]
    status = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    if isinstance(error, redis.ResponseError):
        status = code_of(error)
    if status == "NOPERM":
        return _explain_permission(str(error))
    if status in _CODES:
        return _CODES[status]
    return _explain_refusal(error) if isinstance(error, redis.ResponseError) else None


def _explain_permission(text: str) -> str:
    found = _RUN.search(text)
    if found:
        command = found[1].replace("|", " ").upper()
        return f"its user may not run {command} (NOPERM): allow +{found[1].lower()} in the ACL"
    if _SCRIPT_RIGHTS in text:
        return (
            "its user may not run a command that a script needs, or not on that key (NOPERM): give "
            "it the rights of compose/redis/users.acl"
        )
    what, letter = ("a channel", "&") if "channel" in text else ("a key", "~")
    return (
        f"its user may not use {what} that is needed (NOPERM): allow {letter}vision:* in the ACL, "
        "or as compose/redis/users.acl has it"
    )


def _explain_refusal(error: redis.ResponseError) -> str:
    text = str(error)
    if found := _UNKNOWN.search(text):
        return (
            f"it knows no command {found[1].upper()}: it is renamed or turned off there, or the "
            "server is older than 6.2"
        )
    if found := _UNKNOWN_SUB.search(text):
        return f"it does not know a form of {found[1]} that is needed: it is older than 6.2"
    return f"it answered {code_of(error)}"


def _explain_loss(error: redis.RedisError) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate was not accepted: {cause.verify_message.rstrip('.')}: check "
            "redis.url and redis.tls.ca_file"
        )
    if isinstance(cause, ssl.SSLError):
        return "it does not speak TLS there, or no version of it that is known: check redis.url"
    if isinstance(cause, FileNotFoundError):
        return "the socket or certificate file that redis.url names does not exist"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return "the connection was lost"
