"""File descriptors: how many this process may have, and who may have them.

Cameras come first: without a descriptor no worker is started, and no Redis connected. So what the
live page may open is what they leave over.
"""

from __future__ import annotations

import resource

# More than any role needs. Not without bound: programs of others may close all they could have.
_ENOUGH = 16_384
# Connections to Redis and to the page's clients' server, files that are read now and then, the
# engine's: about thirty, in a cluster a few more for each of its nodes.
_BASE, _PER_NODE = 64, 8
# Of a camera whose worker runs: its memory, the four ends of pipes, and the conversation with it.
_PER_CAMERA = 6
# While workers are started, two at a time: the ends that are theirs.
_STARTING = 16
# Connections that were accepted, or are being closed, and have no place yet or any more.
_IN_PASSING = 32
_LEAST_CONNECTIONS, _MOST_CONNECTIONS = 16, 512
# Beyond those the server keeps an eighth for probes.
_SHARES, _TAKEN_SHARES = 9, 8


def raise_limit() -> None:
    """Allow this process and those it starts as many as are enough, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = attainable_limit()
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def attainable_limit() -> int:
    """How many a process started here may have in the end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)


def needed_for(cameras: int, redis_nodes: int = 0) -> int:
    """How many a node with so many cameras needs before it shows a page to anybody."""
    return _BASE + _PER_NODE * redis_nodes + _PER_CAMERA * cameras + _STARTING


def connections_beside(needed: int, servers: int = 1) -> int:
    """How many connections each of ``servers`` may have open beside what is ``needed``."""
    left = (attainable_limit() - needed) // max(1, servers) - _IN_PASSING
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, left * _TAKEN_SHARES // _SHARES))


def shortage(cameras: int, redis_nodes: int = 0) -> str | None:
    """What to do where the limit is too small for so many cameras; None where it is not."""
    needed, limit = needed_for(cameras, redis_nodes), attainable_limit()
    if limit >= needed:
        return None
    return (
        f"this process may have {limit} open files, and {cameras} cameras need {needed}: raise the "
        "hard limit (LimitNOFILE= of a systemd unit, ulimits.nofile of a Compose service, "
        "ulimit -Hn of a shell)"
    )
