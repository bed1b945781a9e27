"""How a camera is opened: by FFmpeg alone, or by a relay where that does not get by."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack

import av
from av.container import InputContainer

from vision.capture.address import RtspAddress
from vision.capture.failure import is_refused_options, is_refused_track, refusal, source_error
from vision.capture.library_log import LibraryLog
from vision.capture.login import login_relay, new_relay
from vision.capture.login_relay import LoginRelay
from vision.capture.response_repair import ResponseRepair
from vision.capture.tracks import decodable

# Measured on a 10 fps camera: 0.1 s to the first frame instead of 2.8 s of old ones.
_OPEN_FAST = {"probesize": "32", "analyzeduration": "1", "fpsprobesize": "0"}
# Nobody listens to the others, and cameras refuse them for reasons of their own.
_VIDEO_ONLY = {"allowed_media_types": "video"}
_FIRST_TRACK = {"max_streams": "1"}
_MOST_TRACKS = 8
# Of the time to open: a camera that took longer did not answer.
_SOON_SHARE = 0.5


class SessionOpener:
    """Opens one connection to a camera.

    Attributes:
        address: What FFmpeg talks to: the camera, or a relay in front of it.
        relay: That relay, if there is one.
    """

    def __init__(
        self, address: RtspAddress, resources: ExitStack, on_attempt: Callable[[], None]
    ) -> None:
        """Open ``address``; what has to be closed goes to ``resources``.

        ``on_attempt`` is called before each attempt, which takes no longer than
        ``open_timeout_s`` and what looking up a name takes.
        """
        self.address = address
        self.relay: LoginRelay | None = None
        self._resources = resources
        self._on_attempt = on_attempt

    def open(self, *, by_relay: bool = False) -> InputContainer:
        """Open all video tracks, or the first alone if the camera refuses another.

        Raises:
            SourceError: It cannot be opened.
        """
        is_needed = by_relay or self.address.is_too_long_for_ffmpeg
        if is_needed and self.address.transport == "tcp":
            self._stand_in(new_relay(self.address))
        log, started_s = LibraryLog(), time.monotonic()
        opened = self._attempt(log)
        took_s = time.monotonic() - started_s
        if self._stand_in(self._relay_after(opened, log, took_s)):
            if not isinstance(opened, Exception):
                opened.close()
            log, started_s = LibraryLog(), time.monotonic()
            opened = self._attempt(log)
        if isinstance(opened, Exception) and is_refused_track(opened, log):
            other = self._without_refused_tracks()
            opened = opened if isinstance(other, Exception) else other
        if isinstance(opened, Exception):
            seen = self.relay.mending.refused if self.relay is not None else None
            raise refusal(log, self.address.transport, seen) or source_error(
                opened,
                elapsed_s=time.monotonic() - started_s,
                timeout_s=self.address.open_timeout_s,
                tls=self.address.is_tls,
            )
        self._resources.callback(opened.close)
        return opened

    def _without_refused_tracks(self) -> InputContainer | Exception:
        """The first track alone, or those that can be had where it is refused itself."""
        opened = self._attempt(LibraryLog(), _FIRST_TRACK)
        if not isinstance(opened, Exception) or self.address.transport != "tcp":
            return opened
        # A relay leaves out of the description what was refused, one track after the other.
        if self.relay is None and not self._stand_in(new_relay(self.address)):
            return opened
        for _ in range(_MOST_TRACKS):
            opened = self._attempt(LibraryLog())
            mending = self.relay.mending if self.relay is not None else None
            is_over = not isinstance(opened, Exception) or mending is None
            if is_over or (mending is not None and not mending.leave_out_refused()):
                break
        return opened

    def _relay_after(
        self, opened: InputContainer | Exception, log: LibraryLog, took_s: float
    ) -> LoginRelay | None:
        """What gets by where FFmpeg alone does not, if there is anything."""
        if self.relay is not None:
            return None
        if isinstance(opened, av.error.HTTPUnauthorizedError):
            self._on_attempt()
            refused, _ = log.refused or ("DESCRIBE", 0)
            return login_relay(self.address, was_admitted=refused in {"SETUP", "PLAY"})
        mending = self._mending_after(opened, log, took_s)
        if mending is None or self.address.transport != "tcp":
            return None
        return new_relay(self.address, mending)

    def _mending_after(
        self, opened: InputContainer | Exception, log: LibraryLog, took_s: float
    ) -> ResponseRepair | None:
        """What may be told otherwise than the camera does, so that FFmpeg goes on."""
        if not isinstance(opened, Exception):
            # Such as a description that FFmpeg reads in part.
            return None if decodable(opened.streams.video) else ResponseRepair()
        refused, _ = log.refused or ("", 0)
        # Nothing was set up to play where FFmpeg found no video in the description.
        if refused == "PLAY" or is_refused_options(opened, log):
            return ResponseRepair()
        is_unread = isinstance(opened, av.error.InvalidDataError) and not refused
        if is_unread and took_s < self.address.open_timeout_s * _SOON_SHARE:
            # Some hang up at OPTIONS, others say nothing of the transport.
            return ResponseRepair(answers_options=True)
        return None

    def _stand_in(self, relay: LoginRelay | None) -> bool:
        """Have FFmpeg talk to ``relay`` from now on; whether there is one."""
        if relay is None:
            return False
        self._resources.callback(relay.close)
        self.relay, self.address = relay, relay.address
        return True

    def _attempt(
        self, log: LibraryLog, more: dict[str, str] | None = None
    ) -> InputContainer | Exception:
        address = self.address
        self._on_attempt()
        try:
            with log.listening():
                return av.open(
                    address.full_url(),
                    options=_options(address) | (more or {}),
                    timeout=(address.open_timeout_s, address.read_timeout_s),
                    # Names of streams are in whatever code page their owner used.
                    metadata_errors="replace",
                )
        except Exception as error:  # noqa: BLE001  of any class: what a camera sends decides
            return error


def _options(address: RtspAddress) -> dict[str, str]:
    options = {"rtsp_transport": address.transport} | _OPEN_FAST | _VIDEO_ONLY
    if address.is_tls:
        options["tls_verify"] = "1" if address.tls_verify else "0"
        ca_file = address.tls_ca_file or ssl.get_default_verify_paths().cafile
        if address.tls_verify and ca_file:
            options["ca_file"] = str(ca_file)
        if address.tls_server_name:
            options["verifyhost"] = address.tls_server_name
    return options
