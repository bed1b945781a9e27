"""Logs in to a camera in FFmpeg's place, between the two (adr/0034)."""

from __future__ import annotations

import contextlib
import logging
import secrets
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from urllib.parse import urlsplit

from vision.capture.address import RtspAddress, moved
from vision.capture.camera_socket import camera_socket
from vision.capture.challenge import ChallengeResponder, challenges
from vision.capture.response_repair import ResponseRepair
from vision.capture.rtsp_messages import MessageReader, RtspMessage

_log = logging.getLogger(__name__)
_RECEIVE_BYTES = 65536
_UNAUTHORIZED, _MOVED = 401, 3
# A client has one request under way, and a keepalive or two.
_MOST_PENDING = 8
_GOODBYE_S = 1.0
# FFmpeg takes no packet while a picture is looked at; on a busy machine that takes its time.
_SLOW_CLIENT_S = 30.0


class RequestAuthenticator:
    """Adds the right ``Authorization`` to each request, and repeats those that were refused.

    Attributes:
        moved_to: Where the camera sent the client, if it did.
    """

    def __init__(
        self, address: RtspAddress, local_base: str, mending: ResponseRepair | None = None
    ) -> None:
        """Of a client that knows the camera as ``local_base``, and is told what ``mending`` says."""
        parts = urlsplit(address.url)
        self._bases = local_base.encode(), f"{parts.scheme}://{parts.netloc}".encode()
        self._address = address
        self._mending = mending or ResponseRepair()
        self.moved_to: RtspAddress | None = None
        self._answers: ChallengeResponder | None = None
        self._pending: dict[str, RtspMessage] = {}
        self._repeated = ""

    def request(self, message: RtspMessage | bytes) -> RtspMessage | bytes:
        """What is sent to the camera for a client's ``message``."""
        if isinstance(message, bytes) or message.status:
            return message
        local, remote = self._bases
        start = message.start.replace(local, remote, 1).decode("utf-8", "surrogateescape")
        start_bytes = self._address.filled(start).encode("utf-8", "surrogateescape")
        message = replace(message, start=start_bytes)
        while len(self._pending) >= _MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[message.number] = message
        return self._authorized(message)

    def response(self, message: RtspMessage | bytes) -> tuple[RtspMessage | bytes, bool]:
        """What comes of the camera's ``message``, and whether that goes back to the camera."""
        if isinstance(message, bytes) or not message.status:
            return message, False
        asked = self._pending.pop(message.number, None)
        if asked is None or message.status != _UNAUTHORIZED:
            return self._mending.repaired(self._led(message), asked), False
        if message.number == self._repeated:
            # Without a challenge FFmpeg does not ask again: that would be a wrong password more.
            return message.without("WWW-Authenticate"), False
        offered = challenges(message.values("WWW-Authenticate"))
        best = max(offered, key=lambda each: each.strength, default=None)
        username, password = self._address.username, self._address.password
        if best is None or not best.strength or username is None or password is None:
            return message, False
        # Asked once more with a fresh nonce; the next refusal is the client's.
        self._answers = ChallengeResponder(
            best, username.get_secret_value(), password.get_secret_value()
        )
        self._repeated, self._pending[asked.number] = asked.number, asked
        return self._authorized(asked), True

    def _led(self, message: RtspMessage) -> RtspMessage:
        """A camera's answer that leads elsewhere, as one that leads the client here again."""
        if message.status // 100 != _MOVED:
            return message
        self.moved_to = moved(self._address, next(iter(message.values("Location")), ""))
        if self.moved_to is None:
            return message
        path = urlsplit(self.moved_to.url)._replace(scheme="", netloc="").geturl()
        headers = f"\r\nCSeq: {message.number}\r\nLocation: {self._bases[0].decode()}{path}"
        return RtspMessage(b"RTSP/1.0 302 Found", headers.encode(), b"")

    def _authorized(self, message: RtspMessage) -> RtspMessage:
        if self._answers is None:
            return message
        method, uri, *_ = (*message.start.decode("utf-8", "replace").split(" "), "")
        proof = self._answers.authorization(method, uri)
        return replace(message, headers=message.headers + f"\r\nAuthorization: {proof}".encode())


class LoginRelay:
    """Between FFmpeg, on loopback, and the camera: one connection after the other.

    Attributes:
        address: Where FFmpeg finds the camera, without credentials.
        mending: What FFmpeg is told of the camera's answers.
    """

    def __init__(self, address: RtspAddress, mending: ResponseRepair | None = None) -> None:
        """Stand in for the camera at ``address``; it is connected to whenever FFmpeg comes.

        Raises:
            OSError: There is no port to be had.
        """
        self._camera_address = address
        self.mending = mending or ResponseRepair()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        # Whoever else is on this machine does not know the path, and so gets nothing.
        base = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/{secrets.token_hex(16)}"
        remote = urlsplit(address.url)
        path = remote._replace(scheme="", netloc="").geturl()
        self.address = replace(
            address,
            url=base + path,
            username=None,
            password=None,
            tls_ca_file=None,
            tls_server_name=None,
        )
        self._base = base
        self._ends: tuple[socket.socket, ...] = ()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._thread = threading.Thread(target=self._run, name="login-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all connections; what FFmpeg said last is passed on. Safe to repeat."""
        self._is_idle.wait(_GOODBYE_S)
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown: it takes TLS away from under the thread that runs.
                socket.socket.shutdown(end, socket.SHUT_RDWR)
        self._thread.join(_GOODBYE_S)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._is_idle.clear()
            try:
                self._serve(client)
            except (OSError, ValueError) as error:
                # FFmpeg sees its connection end, and says so in its own way.
                _log.debug("capture.login_relay_ended reason=%s", type(error).__name__)
            finally:
                self._ends = ()
                self._is_idle.set()

    def _serve(self, client: socket.socket) -> None:
        with client:
            self._ends = (client,)
            client.settimeout(_SLOW_CLIENT_S)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = client.recv(_RECEIVE_BYTES)
            if self._base.encode() not in first:
                return
            with camera_socket(self._camera_address) as camera:
                self._ends = (client, camera)
                self._pass_on(client, camera, first)

    def _pass_on(self, client: socket.socket, camera: socket.socket, first: bytes) -> None:
        login = RequestAuthenticator(self._camera_address, self._base, self.mending)
        requests, responses = MessageReader(), MessageReader()
        for end, data in chain([(client, first)], _received(client, camera)):
            if end is client:
                for item in requests.feed(data):
                    own = self.mending.own_answer(item) if isinstance(item, RtspMessage) else None
                    if own is not None:
                        client.sendall(bytes(own))
                    else:
                        camera.sendall(bytes(login.request(item)))
                continue
            for item in responses.feed(data):
                message, is_again = login.response(item)
                self._camera_address = login.moved_to or self._camera_address
                (camera if is_again else client).sendall(bytes(message))


def _received(*ends: socket.socket) -> Iterator[tuple[socket.socket, bytes]]:
    """What comes from either end as soon as it comes, until one of them is gone."""
    poll = select.poll()
    by_number = {end.fileno(): end for end in ends}
    for number in by_number:
        poll.register(number, select.POLLIN)
    while True:
        for number, _ in poll.poll():
            end = by_number[number]
            # No poll tells of what TLS has decrypted already.
            is_more = True
            while is_more:
                data = end.recv(_RECEIVE_BYTES)
                if not data:
                    return
                yield end, data
                is_more = isinstance(end, ssl.SSLSocket) and bool(end.pending())
