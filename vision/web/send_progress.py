"""Whether the other end of a connection takes what is sent to it, as the kernel knows."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from typing import Protocol

# Of Linux's struct tcp_info: bytes that the other end has acknowledged.
_BYTES_ACKED = struct.Struct("=Q")
_BYTES_ACKED_AT = 120
_TCP_INFO_BYTES = 256
_INT = struct.Struct("=i")
# Probes of a full receive buffer move a few bytes now and then; whoever reads takes more.
_LEAST_BYTES = 4096


class Socket(Protocol):
    """What asyncio hands out of a transport's socket."""

    def fileno(self) -> int:
        """The descriptor, -1 once it is closed."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        """As :meth:`socket.socket.getsockopt`."""


class SendProgress:
    """Follows one connection; used by one thread."""

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._acked = 0

    def stuck_s(self, connection: Socket, now_s: float) -> float:
        """For how long data has waited for the other end, which took next to nothing of it."""
        try:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            (acked,) = _BYTES_ACKED.unpack_from(info, _BYTES_ACKED_AT)
            (queued,) = _INT.unpack(
                fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
            )
        except (OSError, ValueError, struct.error):
            # Closed meanwhile, or a kernel that does not tell: other limits hold then.
            return 0.0
        if not queued or acked - self._acked >= _LEAST_BYTES:
            self._since_s, self._acked = now_s, acked
        return now_s - self._since_s
