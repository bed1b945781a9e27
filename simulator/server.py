"""The RTSP server: a listening socket, a thread for it and one for each client."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from collections.abc import Mapping
from threading import Event, Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from simulator.camera import Camera
from simulator.playback import Timing
from simulator.session import Session
from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.auth import Credentials
    from simulator.clip import Clip

log = logging.getLogger(__name__)

_ACCEPT_PAUSE_S = 0.1
# What the kernel holds for a client that does not read: small, so that it is soon found slow.
_SEND_BUFFER_BYTES = 256 * 1024


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Context of a server with a certificate chain and its key, both PEM.

    Raises:
        ConfigError: A file is missing, broken or does not belong to the other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An encrypted key is refused; without a password given, OpenSSL asks the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise ConfigError(
            f"{certificate} and {key} are not a certificate and its key ({error.strerror}): "
            "name two PEM files, the key without a passphrase"
        ) from error
    return context


class Server:
    """Cameras at ``rtsp://host:port/NAME``, or ``rtsps`` with a TLS context.

    Entering it or :meth:`listen` starts it; :meth:`close` ends it and all its threads.

    Attributes:
        cameras: By name; what they show and what is wrong with them may change at any time.
        port: The port asked for; once it listens, the one it has.
    """

    def __init__(
        self,
        streams: Mapping[str, Clip],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.cameras = MappingProxyType({name: Camera(clip) for name, clip in streams.items()})
        self.port = port
        self._host, self._tls = host, tls
        self._credentials, self._timing = credentials, timing or Timing()
        self._listener: socket.socket | None = None
        self._acceptor: Thread | None = None
        self._clients: list[tuple[Session, Thread]] = []
        self._closing = Event()

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def clients(self) -> int:
        """Number of open connections."""
        return sum(thread.is_alive() for _, thread in self._clients)

    def url(self, name: str) -> str:
        """URL of a camera, without credentials."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'rtsps' if self._tls else 'rtsp'}://{host}:{self.port}/{quote(name)}"

    def listen(self) -> None:
        """Accept connections; after :meth:`stop_listening`, on the same port again.

        Raises:
            ConfigError: The address cannot be had.
        """
        if self._listener:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self.port), family=family)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"port {self.port} is in use: choose another with --port"
                ) from error
            raise ConfigError(
                f"cannot listen on {self._host}, port {self.port}: {error.strerror}"
            ) from error
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = Thread(target=self._accept, args=(listener,), name="simulate", daemon=True)
        self._acceptor.start()

    def stop_listening(self) -> None:
        """Refuse new connections; those that stand go on."""
        listener, self._listener = self._listener, None
        if listener and self._acceptor:
            listener.shutdown(socket.SHUT_RDWR)
            self._acceptor.join()
            listener.close()

    def cut(self, name: str | None = None) -> None:
        """Break off all connections, or those to one camera; the clients may come back."""
        for session, _ in self._clients:
            if name in {None, session.path}:
                session.cut()

    def close(self) -> None:
        """End everything; safe to repeat."""
        self._closing.set()
        self.stop_listening()
        self.cut()
        for _, thread in self._clients:
            thread.join()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
                self._welcome(connection)
            except OSError as error:
                if self._listener is not listener:
                    return
                # A client that is gone again, or a machine short of something for a moment.
                log.warning("simulate.accept_failed reason=%s", error.strerror)
                self._closing.wait(_ACCEPT_PAUSE_S)

    def _welcome(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        session = Session(connection, self.cameras, self._credentials, self._timing)
        thread = Thread(target=session.run, name="simulate-client", daemon=True)
        alive = [client for client in self._clients if client[1].is_alive()]
        thread.start()
        self._clients = [*alive, (session, thread)]
