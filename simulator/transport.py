"""How packets reach a viewer: inside the RTSP connection, or by UDP beside it."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHANNELS, _PORTS = range(256), range(1, 65536)
_UDP_ATTEMPTS = 50


class Interleaved:
    """Packets inside the RTSP connection (RFC 2326, section 10.12).

    Attributes:
        answer: Value of the ``Transport`` header that tells the client.
    """

    def __init__(self, connection: socket.socket, channels: tuple[int, int]) -> None:
        self.answer = "RTP/AVP/TCP;unicast;interleaved={}-{}".format(*channels)
        self._connection, self._channels = connection, channels

    def send(self, packets: Sequence[bytes], *, rtcp: bool = False) -> None:
        """Send RTP or RTCP packets as one write, so that one timeout bounds them all."""
        channel = self._channels[rtcp]
        frames = (struct.pack(">cBH", b"$", channel, len(p)) + p for p in packets)
        self._connection.sendall(b"".join(frames))

    def close(self) -> None:
        """Nothing was opened for it."""


class Udp:
    """Packets by UDP, to the address the client is connected from and to no other.

    Attributes:
        answer: As of :class:`Interleaved`.
    """

    def __init__(self, connection: socket.socket, ports: tuple[int, int]) -> None:
        with contextlib.ExitStack() as opened:
            self._sockets = _bind_pair(connection, opened)
            for end, port in zip(self._sockets, ports, strict=True):
                end.connect((connection.getpeername()[0], port))
            self._opened = opened.pop_all()
        here = (end.getsockname()[1] for end in self._sockets)
        self.answer = "RTP/AVP;unicast;client_port={}-{};server_port={}-{}".format(*ports, *here)

    def send(self, packets: Sequence[bytes], *, rtcp: bool = False) -> None:
        """Send RTP or RTCP packets; whether anybody receives them is not noticed."""
        for packet in packets:
            with contextlib.suppress(ConnectionRefusedError):
                self._sockets[rtcp].send(packet)

    def close(self) -> None:
        """Close both sockets."""
        self._opened.close()


Transport: TypeAlias = Interleaved | Udp
"""Where the packets of a session go."""


def choose_transport(offers: str, connection: socket.socket) -> Transport | None:
    """The first of a client's offers (RFC 2326, section 12.39) that can be had, else None.

    No UDP beside TLS, where a client does not expect packets in the clear.
    """
    for offer in offers.split(","):
        protocol, _, options = offer.strip().partition(";")
        if protocol == "RTP/AVP/TCP":
            channels = _pair("interleaved", options, _CHANNELS) or (0, 1)
            return Interleaved(connection, channels)
        if protocol in {"RTP/AVP", "RTP/AVP/UDP"} and not isinstance(connection, ssl.SSLSocket):
            ports = _pair("client_port", options, _PORTS)
            if ports and "multicast" not in options:
                return Udp(connection, ports)
    return None


def _pair(name: str, options: str, allowed: range) -> tuple[int, int] | None:
    found = re.search(rf"\b{name}=([0-9]{{1,5}})-([0-9]{{1,5}})", options)
    pair = (int(found[1]), int(found[2])) if found else (-1, -1)
    return pair if all(number in allowed for number in pair) else None


def _bind_pair(connection: socket.socket, opened: contextlib.ExitStack) -> list[socket.socket]:
    # RFC 3550, section 11: an even port for RTP and the next one for RTCP.
    host = connection.getsockname()[0]
    for _ in range(_UDP_ATTEMPTS):
        with contextlib.suppress(OSError), contextlib.ExitStack() as pair:
            rtp = pair.enter_context(socket.socket(connection.family, socket.SOCK_DGRAM))
            rtcp = pair.enter_context(socket.socket(connection.family, socket.SOCK_DGRAM))
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                opened.push(pair.pop_all())
                return [rtp, rtcp]
    raise OSError("no pair of UDP ports is free")
