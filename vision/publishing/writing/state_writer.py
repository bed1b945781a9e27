"""The state hashes on Redis, and who else writes them: the newest run that is at work has the word."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import redis

from vision.domain.status import CameraState
from vision.publishing.keys import state_key
from vision.publishing.writing.observer import PublishObserver
from vision.publishing.writing.state_hashes import HashFields, StateHashes
from vision.publishing.writing.state_script import WRITE, WRITE_SHA, writers_key
from vision.redis.errors import code_of, explain, raise_if_elsewhere
from vision.redis.link import Exchange, RedisLink
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_LEASE_MS = 6_000
BEAT_S = 2.0
"""How often a process says that it publishes its cameras."""
_LOG_PERIOD_S = 60.0
_ENDED = frozenset({CameraState.STOPPED.value, CameraState.REMOVED.value})


class StateWriter:
    """Writes state hashes, says that its process publishes their cameras, and hears who else does.

    A Redis whose users may not run the script gets plain hashes; others are not noticed there.
    Used by one thread.
    """

    def __init__(
        self, hashes: StateHashes, observer: PublishObserver, monotonic_s: Callable[[], float]
    ) -> None:
        self._hashes = hashes
        self._observer = observer
        self._monotonic_s = monotonic_s
        # No other process has it, and it says nothing of this one.
        self._name = secrets.token_hex(8)
        self._is_scripted = False
        self._since_ms: dict[str, str] = {}
        self._next_s = 0.0
        self._behind: set[str] = set()
        self._refused: set[str] = set()
        self._damper = LogThrottle(_LOG_PERIOD_S, monotonic_s)

    def begin(self) -> None:
        """Note a new link: its servers may know nothing, and all hashes are due."""
        self._since_ms.clear()
        self._behind.clear()
        self._refused.clear()
        self._next_s = self._monotonic_s()
        # A server that does not know the script is taught when it says so.
        self._is_scripted = True
        self._hashes.rewrite_all()

    def run_once(self, link: RedisLink) -> bool:
        """Write the hashes that are due, and say now and then that this process is at work.

        Returns:
            Whether there was anything to say.

        Raises:
            redis.RedisError: No answer, or one that sends us to another server.
        """
        now_s = self._monotonic_s()
        beats: set[str] = set()
        if now_s >= self._next_s:
            self._next_s = now_s + BEAT_S
            self._hashes.rewrite(self._refused)
            self._refused.clear()
            beats = set(self._hashes.runs()) if self._is_scripted else set()
        due = self._hashes.take_unwritten()
        if not due and not beats:
            return False
        if self._is_scripted:
            self._write(link, due, sorted({*due, *beats}))
        else:
            self._write_plain(link, due)
        return True

    def leave(self, link: RedisLink) -> None:
        """Say that this process publishes no more; what Redis does not hear expires."""
        if self._is_scripted:
            exchange = link.exchange()
            for camera, run in self._hashes.runs().items():
                self._call(exchange, camera, run, "leave", {})
            exchange.execute()

    def _teach(self, link: RedisLink) -> None:
        for node in link.nodes:
            try:
                node.script_load(WRITE)
            except redis.ResponseError as error:
                raise_if_elsewhere([error])
                self._give_up(error)

    def _give_up(self, error: redis.ResponseError) -> None:
        """Do without the script on this link."""
        self._is_scripted = False
        if times := self._damper.admit("plain"):
            _log.warning(
                "publish.writers_unwatched times=%d reason=a second process that publishes the same "
                "camera goes unnoticed: %s",
                times,
                explain(error),
            )

    def _call(
        self, exchange: Exchange, camera: str, run: str, mode: str, fields: HashFields
    ) -> None:
        flat = [part for item in fields.items() for part in item]
        exchange.at(state_key(camera)).evalsha(
            WRITE_SHA,
            2,
            state_key(camera),
            writers_key(camera),
            self._name,
            run,
            _LEASE_MS,
            self._since_ms.get(camera, ""),
            mode,
            *cast("list[str]", flat),
        )

    def _write(
        self,
        link: RedisLink,
        due: Mapping[str, HashFields],
        cameras: Sequence[str],
        *,
        may_teach: bool = True,
    ) -> None:
        runs = self._hashes.runs()
        exchange = link.exchange()
        for camera in cameras:
            fields = due.get(camera, {})
            mode = "last" if fields.get("state") in _ENDED else "stay"
            self._call(exchange, camera, runs[camera], mode, fields)
        strange: list[str] = []
        replies = exchange.execute()
        raise_if_elsewhere(replies)
        for camera, reply in zip(cameras, replies, strict=True):
            if isinstance(reply, redis.exceptions.NoScriptError) and may_teach:
                strange.append(camera)
            elif isinstance(reply, redis.ResponseError):
                self._refuse(camera, reply, is_due=camera in due)
            else:
                self._read(camera, reply, is_due=camera in due)
        if strange:
            self._teach(link)
            if self._is_scripted:
                self._write(link, due, strange, may_teach=False)
            else:
                self._hashes.rewrite(due)

    def _read(self, camera: str, reply: object, *, is_due: bool) -> None:
        now_ms, is_ahead, others = cast("tuple[bytes, int, list[bytes]]", reply)
        # Whoever was killed before this link was there is no other.
        self._since_ms.setdefault(camera, now_ms.decode())
        if is_ahead and camera not in self._refused:
            self._observer.state_refused(camera, None)
        if is_due and not is_ahead:
            self._behind.add(camera)
        elif is_ahead and camera in self._behind:
            # The newer one is gone without a word.
            self._behind.discard(camera)
            self._hashes.rewrite([camera])
        runs = sorted({run.decode() for run in others})
        self._observer.shared(camera, runs)
        if runs and (times := self._damper.admit(f"shared {camera}")):
            _log.error(
                "publish.other_writer camera=%s runs=%s times=%d reason=another process publishes "
                "this camera too: stop one of them, or rename the camera in one of them",
                camera,
                ",".join(runs),
                times,
            )

    def _refuse(self, camera: str, error: redis.ResponseError, *, is_due: bool) -> None:
        if self._is_scripted and code_of(error) in {"NOPERM", "ERR"}:
            # A user of an older release may write the hash, and nothing beside it.
            self._give_up(error)
            self._hashes.rewrite([camera] if is_due else [])
            return
        name, why = state_key(camera), explain(error)
        if times := self._damper.admit(f"{camera} {why}"):
            _log.warning("publish.refused name=%s times=%d reason=%s", name, times, why)
        if is_due:
            self._observer.state_refused(camera, why)
            self._refused.add(camera)

    def _write_plain(self, link: RedisLink, due: Mapping[str, HashFields]) -> None:
        cameras = sorted(due.keys() - self._overtaken(link, due))
        exchange = link.exchange()
        for camera in cameras:
            exchange.at(state_key(camera)).hset(state_key(camera), mapping=due[camera])
        replies = exchange.execute()
        raise_if_elsewhere(replies)
        for camera, reply in zip(cameras, replies, strict=True):
            if isinstance(reply, redis.ResponseError):
                self._refuse(camera, reply, is_due=True)
            else:
                self._observer.state_refused(camera, None)

    def _overtaken(self, link: RedisLink, due: Mapping[str, HashFields]) -> set[str]:
        """Those that end after their successor has spoken: what they say is old."""
        ending = [camera for camera, fields in due.items() if fields["state"] in _ENDED]
        if not ending:
            return set()
        exchange = link.exchange()
        for camera in ending:
            exchange.at(state_key(camera)).hget(state_key(camera), "run")
        # A user who may not read writes all the same.
        return {
            camera
            for camera, run in zip(ending, exchange.execute(), strict=True)
            if isinstance(run, bytes) and run.isdigit() and int(run) > int(str(due[camera]["run"]))
        }
