"""A subscriber on a bare socket: what any client in any language would see."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from tests.support.redis_server import RedisServer

_PATIENCE_S = 60.0


class RawSubscriber:
    """Subscribed to one channel from the moment it is made."""

    def __init__(self, server: RedisServer, channel: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), _PATIENCE_S)
        self._replies = self._socket.makefile("rb")
        self._send("AUTH", server.password)
        assert self._reply() == b"OK"
        self._send("SUBSCRIBE", channel)
        assert self._reply() == [b"subscribe", channel.encode(), 1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._replies.close()
        self._socket.close()

    def next_payload(self) -> bytes:
        """The next message's bytes."""
        reply = self._reply()
        assert isinstance(reply, list)
        assert reply[0] == b"message"
        payload = reply[2]
        assert isinstance(payload, bytes)
        return payload

    def payloads_until(self, last: bytes) -> list[bytes]:
        """All messages up to and with the one that is ``last``."""
        payloads = [self.next_payload()]
        while payloads[-1] != last:
            payloads.append(self.next_payload())
        return payloads

    def _send(self, *words: str) -> None:
        bulk = b"".join(b"$%d\r\n%b\r\n" % (len(raw), raw) for raw in map(str.encode, words))
        self._socket.sendall(b"*%d\r\n%b" % (len(words), bulk))

    def _reply(self) -> bytes | int | list[object]:
        """One value of the protocol (RESP2)."""
        line = self._replies.readline().removesuffix(b"\r\n")
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return rest
            case b":":
                return int(rest)
            case b"$":
                return self._replies.read(int(rest) + 2)[:-2]
            case b"*":
                return [self._reply() for _ in range(int(rest))]
            case _:
                raise AssertionError(f"unexpected reply {line!r}")
