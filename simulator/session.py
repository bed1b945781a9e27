"""One client's connection: requests in, responses and media out, in one thread."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from simulator.auth import AccessControl
from simulator.message import Refusal, Request, RequestReader, response
from simulator.playback import Playback, Timing
from simulator.rtp import session_description
from simulator.side_track import SideTrack
from simulator.transport import choose_transport

if TYPE_CHECKING:
    from simulator.auth import Credentials
    from simulator.camera import Camera
    from simulator.quirk import Quirk
    from simulator.transport import Transport

log = logging.getLogger(__name__)

_RECEIVE_BYTES = 65536

_VIDEO = "0"

Reply: TypeAlias = tuple[dict[str, str], bytes]
"""Headers and body of a positive answer."""


class Session:
    """A connection and the one RTSP session it may hold at a time.

    Attributes:
        path: Name of the stream that was set up last, else empty.
    """

    def __init__(
        self,
        connection: socket.socket,
        cameras: Mapping[str, Camera],
        credentials: Credentials | None,
        timing: Timing,
    ) -> None:
        self.path = ""
        self._socket, self._cameras, self._timing = connection, cameras, timing
        self._socket.settimeout(timing.send_timeout_s)
        self._gate = AccessControl(credentials) if credentials else None
        self._id = ""
        self._transports: dict[str, Transport] = {}
        self._playback: Playback | None = None
        self._handlers: dict[str, Callable[[Request], Reply]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._set_up,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "TEARDOWN": self._tear_down,
            "GET_PARAMETER": self._get_parameter,
        }

    def cut(self) -> None:
        """Break the connection off, from any thread; :meth:`run` returns at once."""
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: it takes TLS away from under the thread that runs.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def run(self) -> None:
        """Serve the client until one side ends the connection."""
        reason = "connection closed"
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.do_handshake()
            self._serve()
        except TimeoutError:
            reason = "client too slow or silent"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        finally:
            self._end()
            self._socket.close()
        log.info("simulate.client_left path=%s reason=%s", self.path or "-", reason)

    def _serve(self) -> None:
        reader = RequestReader()
        try:
            while data := self._receive():
                reader.feed(data)
                while request := reader.take():
                    self._socket.sendall(self._answer(request))
        except Refusal as refusal:
            self._socket.sendall(response(refusal.status, refusal.headers))

    def _receive(self) -> bytes:
        # Plays while it waits. No poll tells of what TLS has decrypted already.
        silent_at_s = time.monotonic() + self._timeout_s
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while (wait_s := silent_at_s - time.monotonic()) > 0:
            if self._playback and self._playback.playing:
                wait_s = min(wait_s, self._playback.proceed())
            buffered = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
            if buffered or poll.poll(math.ceil(wait_s * 1000)):
                return self._socket.recv(_RECEIVE_BYTES)
        raise TimeoutError

    def _answer(self, request: Request) -> bytes:
        headers = {"CSeq": request.headers["cseq"]}
        try:
            camera = self._cameras.get(request.stream)
            if camera and camera.faults.hang:
                return b""
            more, body = self._handle(request)
        except Refusal as refusal:
            log.debug("simulate.request_refused status=%d", refusal.status)
            return response(refusal.status, headers | refusal.headers)
        if self._id:
            headers["Session"] = f"{self._id};timeout={self._timeout_s:.0f}"
        headers |= more
        for quirk in self._quirks(request.stream):
            headers = quirk.headers(headers)
        return response(200, headers, body)

    def _handle(self, request: Request) -> Reply:
        if request.method not in self._handlers:
            raise Refusal(501, Public=", ".join(self._handlers))
        quirks = self._quirks(request.stream)
        if status := next(
            (q.refuse[request.method] for q in quirks if request.method in q.refuse), 0
        ):
            raise Refusal(status)
        if "require" in request.headers:
            raise Refusal(551, Unsupported=request.headers["require"])
        if self._gate and request.method != "OPTIONS":
            proof = request.headers.get("authorization", "")
            offered = (quirk.schemes for quirk in quirks)
            schemes = next((each for each in offered if each), None)
            is_admitted = self._gate.admits(request.method, request.url, proof, schemes)
            if any(quirk.is_forgetful for quirk in quirks):
                self._gate.forget()
            if not is_admitted:
                raise Refusal(401, WWW_Authenticate=self._gate.challenges(schemes))
        if request.session and request.session != self._id:
            raise Refusal(454)
        return self._handlers[request.method](request)

    def _options(self, _: Request) -> Reply:
        return {"Public": ", ".join(self._handlers)}, b""

    def _get_parameter(self, request: Request) -> Reply:
        if request.body.strip():
            raise Refusal(451)
        return {}, b""

    def _describe(self, request: Request) -> Reply:
        headers = {"Content-Base": request.base, "Content-Type": "application/sdp"}
        camera = self._camera(request)
        tracks = camera.faults.tracks.values()
        description = session_description(camera.clip, [*tracks]).encode()
        for quirk in camera.faults.quirks:
            description = quirk.describe(description)
        return headers, description

    def _set_up(self, request: Request) -> Reply:
        camera = self._camera(request)
        if not request.track:
            raise Refusal(459)
        track = camera.faults.tracks.get(request.track)
        if track and track.refusal:
            raise Refusal(track.refusal)
        if self._transports and (request.stream != self.path or request.track in self._transports):
            raise Refusal(455)
        transport = choose_transport(request.headers.get("transport", ""), self._socket)
        if transport is None:
            raise Refusal(461)
        self._transports[request.track] = transport
        self._id, self.path = self._id or secrets.token_hex(8), request.stream
        return {"Transport": transport.answer}, b""

    def _play(self, request: Request) -> Reply:
        camera = self._session(request)
        playback = self._playback = self._playback or self._new_playback(camera)
        playback.play()
        log.info("simulate.playing path=%s", self.path)
        sequence, timestamp = playback.position
        info = f"url={request.base}trackID=0;seq={sequence};rtptime={timestamp}"
        return {"Range": "npt=now-", "RTP-Info": info}, b""

    def _pause(self, request: Request) -> Reply:
        self._session(request)
        if self._playback:
            self._playback.playing = False
        return {}, b""

    def _tear_down(self, request: Request) -> Reply:
        self._session(request)
        self._end()
        return {}, b""

    def _camera(self, request: Request) -> Camera:
        camera = self._cameras.get(request.stream)
        if camera is None or camera.faults.gone:
            raise Refusal(404)
        if request.track not in {"", _VIDEO, *camera.faults.tracks, *self._transports}:
            raise Refusal(404)
        return camera

    def _session(self, request: Request) -> Camera:
        camera = self._camera(request)
        if _VIDEO not in self._transports or request.stream != self.path:
            raise Refusal(455)
        if not request.session:
            raise Refusal(454)
        return camera

    def _new_playback(self, camera: Camera) -> Playback:
        tracks = camera.faults.tracks
        beside = [
            SideTrack(tracks[name], transport)
            for name, transport in self._transports.items()
            if name in tracks
        ]
        return Playback(camera, self._transports[_VIDEO], self._timing, beside)

    def _quirks(self, stream: str) -> Sequence[Quirk]:
        camera = self._cameras.get(stream)
        return camera.faults.quirks if camera else ()

    @property
    def _timeout_s(self) -> float:
        asked = (quirk.session_timeout_s for quirk in self._quirks(self.path))
        return next((each for each in asked if each), self._timing.session_timeout_s)

    def _end(self) -> None:
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()
        self._playback, self._id = None, ""
