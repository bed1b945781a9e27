"""Finds the servers to connect to, by Sentinels or by the nodes of a cluster (docs/adr/0013)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.redis.client import Address, open_client, parse_address
from vision.redis.errors import HandshakeError, NoPrimaryError, code_of
from vision.redis.link import RedisLink, SlotRange, ping
from vision.resilience.backoff import Backoff

_HUNG_UP = "Connection closed by server"
ASK_PERIOD_S = 1.0
"""How often to look whether a link :meth:`~RedisConnector.is_current`."""
_BACKOFF_BASE_S = 0.1
_BACKOFF_CAP_S = 2.0
# Where another server takes over, it is to be found soon after it did.
_FAILOVER_CAP_S = 0.25
# Whoever is asked for the way answers at once or is dead: the next one is asked then.
_ASK_TIMEOUT_S = 0.5


class RedisConnector:
    """Finds the way to the primary, each time anew, and remembers whom to ask for it."""

    def __init__(self, settings: RedisSettings, password: Callable[[], str | None]) -> None:
        """``password`` is asked at each connection, so that a rotation needs no restart.

        Raises:
            ConfigError: The URL or the certificate authority cannot be used.
        """
        open_client(settings, None).close()
        self._settings = settings
        self._password = password
        self._guides = [
            parse_address(text) for text in settings.sentinels or settings.cluster_nodes
        ]
        # Nobody waits long for one that is gone with its machine: the next one is asked.
        self._asking = settings.model_copy(
            update={
                "connect_timeout_s": min(settings.connect_timeout_s, _ASK_TIMEOUT_S),
                "command_timeout_s": min(settings.command_timeout_s, _ASK_TIMEOUT_S),
                "url": _without_database(settings.url),
            }
        )

    def open(self) -> RedisLink:
        """Connect; every server has answered, and is a primary.

        Raises:
            redis.RedisError: One does not answer, refuses, or is a replica.
            ConfigError: The secret file of the password is not in order.
        """
        password = self._password()
        if self._settings.cluster_nodes:
            return self._open_cluster(password)
        at = self._ask_sentinels(password) if self._settings.sentinels else None
        node = open_client(self._settings, password, at, self._settings.username)
        link = RedisLink([SlotRange(0, 2**14, node)], str(at or ""), is_cluster=False)
        with _closed_on_failure(link):
            _handshake(node)
        return link

    def is_current(self, link: RedisLink) -> bool:
        """Whether the Sentinels still name the primary that ``link`` leads to.

        After a failover by hand the old primary goes on for some ten seconds, taking messages
        that nobody will have. True as well where there are no Sentinels, or the one that is asked does not answer.
        """
        if not self._settings.sentinels:
            return True
        guide = self._guides[0]
        try:
            found = self._ask_sentinel(guide, self._password())
        except (redis.RedisError, ConfigError):
            # One at a time, since whoever asks has messages to send; the next one then.
            self._guides.append(self._guides.pop(0))
            return True
        return found is None or str(found) == link.address

    def _open_cluster(self, password: str | None) -> RedisLink:
        slots = self._ask_nodes(password)
        clients = {
            at: open_client(self._settings, password, at, self._settings.username)
            for at in dict.fromkeys(at for _, _, at in slots)
        }
        ranges = [SlotRange(first, last, clients[at]) for first, last, at in slots]
        link = RedisLink(ranges, ", ".join(map(str, clients)), is_cluster=True)
        with _closed_on_failure(link):
            for node in link.nodes:
                _handshake(node)
        return link

    def _ask_sentinels(self, password: str | None) -> Address:
        """Where the primary is, from the first Sentinel that knows."""
        name = self._settings.sentinel_name
        error: redis.RedisError = NoPrimaryError(f"its Sentinels know no primary {name!r}")
        for guide in tuple(self._guides):
            try:
                found = self._ask_sentinel(guide, password)
            except (redis.ConnectionError, redis.TimeoutError) as failure:
                error = failure
                continue
            if found is not None:
                self._prefer(guide)
                return found
        raise error

    def _ask_sentinel(self, guide: Address, password: str | None) -> Address | None:
        """Who the primary is by one Sentinel; it gets the password only if it asks for one."""
        command = "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._settings.sentinel_name
        try:
            with open_client(self._asking, None, guide) as client:
                reply = client.execute_command(*command)
        except redis.AuthenticationError:
            with open_client(self._asking, password, guide) as client:
                reply = client.execute_command(*command)
        return Address(reply[0].decode(), int(reply[1])) if reply else None

    def _ask_nodes(self, password: str | None) -> list[tuple[int, int, Address]]:
        """The slots of the cluster in ascending order, from the first node that answers."""
        error: redis.RedisError = NoPrimaryError("no node of its cluster answers")
        for guide in tuple(self._guides):
            try:
                with open_client(self._asking, password, guide, self._settings.username) as client:
                    reply = client.execute_command("CLUSTER", "SLOTS")
            except (redis.ConnectionError, redis.TimeoutError) as failure:
                error = failure
                continue
            except redis.ResponseError as failure:
                if code_of(failure) != "ERR":
                    raise
                error = NoPrimaryError("it is no node of a cluster: see redis.cluster_nodes")
                continue
            slots, nodes = parse_slots(reply, guide)
            if slots:
                # Also the others, for the day on which those of the settings are gone.
                self._guides = list(dict.fromkeys([guide, *nodes, *self._guides]))
                return slots
        raise error

    def _prefer(self, guide: Address) -> None:
        self._guides.sort(key=lambda other: other != guide)


def reconnect_backoff(settings: RedisSettings) -> Backoff:
    """How long to wait between attempts to connect."""
    return Backoff(_BACKOFF_BASE_S, _FAILOVER_CAP_S if settings.fails_over else _BACKOFF_CAP_S)


def open_primary(settings: RedisSettings, password: str | None) -> redis.Redis:
    """A connected client of the one primary; for what does not know how to use a cluster.

    Raises:
        redis.RedisError: It does not answer, refuses, or is a replica.
        ConfigError: The URL or the certificate authority cannot be used.
    """
    return RedisConnector(settings, lambda: password).open().nodes[0]


def parse_slots(
    reply: object, asked: Address
) -> tuple[list[tuple[int, int, Address]], list[Address]]:
    """First and last slot and primary of each range, and all nodes, of ``CLUSTER SLOTS``."""
    slots: list[tuple[int, int, Address]] = []
    nodes: list[Address] = []
    for first, last, *servers in cast(
        "Iterable[tuple[int, int, *tuple[list[object], ...]]]", reply
    ):
        found = [_node_address(server, asked) for server in servers]
        slots.append((first, last, found[0]))
        nodes += found
    return sorted(slots), list(dict.fromkeys(nodes))


def _node_address(server: Sequence[object], asked: Address) -> Address:
    """A node that does not know its own name is the one that was asked."""
    host, port = server[:2]
    name = host.decode() if isinstance(host, bytes) else ""
    return Address(name if name not in ("", "?") else asked.host, cast("int", port))


def _without_database(url: str) -> str:
    """``url`` as a Sentinel can be asked by it: it knows no SELECT."""
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "db"]
    return parts._replace(path="", query=urlencode(options)).geturl()


def _handshake(node: redis.Redis) -> None:
    """Nothing is sent before the server answered: what fails here was not executed for sure.

    HELLO tells the role, and no ACL can forbid it. A replica would take none of the messages
    and keep the connection for ever.
    """
    try:
        reply = node.execute_command("HELLO", 2)  # type: ignore[no-untyped-call]
    except redis.AuthenticationError:
        raise
    except redis.ConnectionError as error:
        if _HUNG_UP not in str(error):
            raise
        raise HandshakeError(
            "it closed the connection at HELLO: it is about to end, or a proxy that does not know "
            "HELLO stands before it: name the server itself in redis.url"
        ) from error
    except redis.ResponseError:
        # Renamed by its administrator; what it is shows with the first message.
        reply = []
    pairs = list(reply)
    if dict(zip(pairs[::2], pairs[1::2], strict=True)).get(b"role") in (b"replica", b"slave"):
        raise redis.ReadOnlyError("it is a replica")
    ping(node)


@contextmanager
def _closed_on_failure(link: RedisLink) -> Iterator[None]:
    try:
        yield
    except BaseException:
        link.close()
        raise
