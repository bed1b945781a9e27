"""The newest-frame slot on Redis, as commands on one connection (docs/adr/0009)."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self, cast

import redis

from vision.config.core import RedisSettings
from vision.domain.contract import IS_CAMERA_NAME
from vision.domain.errors import ConfigError
from vision.frames.redis_scripts import (
    ANNOUNCE,
    FREE,
    PUT,
    READY,
    RENEW,
    TAKE,
    detections_key,
    frame_key,
    held_key,
    lease_key,
    state_key,
)
from vision.redis.connector import open_primary
from vision.redis.errors import OtherTypeError, is_of_another_type
from vision.redis.skipped_keys import SkippedKeys

_log = logging.getLogger(__name__)
_NUMBER = re.compile(rb"[0-9]{1,19}")
_ACCEPTED, _OTHER_DATA = 1, 2
LEASE_MS = 1_200
"""How long a camera waits for a reader that says nothing any more."""


class WriteResult(NamedTuple):
    """What became of a frame.

    Attributes:
        accepted: Whether it lies in the slot.
        overtook: Whether an older one lay there, which nobody will see.
        forgot: Whether it was refused because Redis has other data than when the frame before
            it was put; False where the slot knows a newer frame of the camera.
    """

    accepted: bool
    overtook: bool
    forgot: bool = False


class NewestRuns(NamedTuple):
    """The newest that Redis knows of a camera, each as run and number, (0, 0) for nothing.

    Attributes:
        put: The frame put last.
        told: The frame that messages account for.
        stream: The newest message.
    """

    put: tuple[int, int]
    told: tuple[int, int]
    stream: tuple[int, int]

    @property
    def run(self) -> int:
        """The greatest of the runs."""
        return max(self)[0]


class ReadyCamera(NamedTuple):
    """A camera that may have a frame, and its place in the order of service."""

    camera: str
    score: float


@dataclass(frozen=True, slots=True)
class AccountedFrame:
    """The frame of a camera that messages account for: all up to it were told of or skipped.

    Attributes:
        run: Its run.
        seq: Its number in the run.
        is_empty: Whether nothing was seen in it.
    """

    run: int
    seq: int
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A frame that is the taker's alone, until it is freed or not renewed.

    Attributes:
        camera: Whose.
        run: Its run.
        seq: Its number in the run.
        slot_us: How long it lay in the slot, by Redis' clock.
        before: The account before it was taken, None when there was none.
        payload: Its bytes; None when they are lost.
    """

    camera: str
    run: int
    seq: int
    slot_us: int
    before: AccountedFrame | None
    payload: bytes | None

    @property
    def lease(self) -> str:
        """What the lease on Redis says."""
        return f"{self.run}-{self.seq}"


class ClaimOutcome(StrEnum):
    """What came of a taken frame."""

    DELIVERED = "delivered"
    """A message tells of it, or was lost on its way."""
    EMPTY = "empty"
    """As delivered, and nothing was seen in it."""
    SKIPPED = "skipped"
    """No message tells of it: the next one counts it."""


def refuse_cluster(settings: RedisSettings) -> None:
    """Readers wait on one set of all cameras, which has no place in a cluster (docs/adr/0013).

    Raises:
        ConfigError: ``settings`` name a cluster.
    """
    if settings.cluster_nodes:
        raise ConfigError(
            "redis.cluster_nodes: vision ingest and vision infer pass frames over a Redis that is "
            "no cluster: name one with redis.url or redis.sentinels, or use vision run"
        )


def _number(text: object) -> int:
    """What a field says, 0 where there is none or somebody else wrote it."""
    return int(text) if isinstance(text, bytes) and _NUMBER.fullmatch(text) else 0


class RedisSlot:
    """One connection; spent once a method raised :class:`redis.RedisError` or ``OSError``."""

    def __init__(self, client: redis.Redis, left_out: SkippedKeys | None = None) -> None:
        """``left_out`` hears of keys of another type; the other cameras are gone on with."""
        self._client = client
        self._left_out = left_out or SkippedKeys(_log, "frames")
        self._put, self._take, self._renew, self._free, self._announce = (
            client.script_load(script) for script in (PUT, TAKE, RENEW, FREE, ANNOUNCE)
        )

    @classmethod
    def connect(
        cls, settings: RedisSettings, password: str | None, left_out: SkippedKeys | None = None
    ) -> Self:
        """Connect and log in.

        Raises:
            redis.RedisError: It does not answer, refuses, or is a replica.
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        client = open_primary(settings, password)
        try:
            return cls(client, left_out)
        except Exception:
            client.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def newest(self, camera: str) -> NewestRuns:
        """What Redis knows of a camera; the stream counts as empty for whoever may not read it."""
        pipe = self._client.pipeline(transaction=False)
        pipe.hmget(state_key(camera), ["put_run", "put_seq", "run", "seq"])
        pipe.xrevrange(detections_key(camera), count=1)
        known, entries = pipe.execute(raise_on_error=False)
        if isinstance(known, redis.RedisError):
            raise known
        put_run, put_seq, run, seq = map(_number, known)
        stream = (0, 0)
        if isinstance(entries, list) and entries:
            stream_run, _, stream_seq = entries[0][0].partition(b"-")
            stream = int(stream_run), int(stream_seq)
        return NewestRuns((put_run, put_seq), (run, seq), stream)

    def put(
        self, camera: str, run: int, seq: int, payload: bytes, ttl_ms: int, *, last_seq: int = 0
    ) -> WriteResult:
        """Put a frame into its camera's slot and tell a reader of it.

        ``last_seq`` is the number of the run's frame that was put before, 0 without one.
        """
        keys = (frame_key(camera), lease_key(camera), state_key(camera))
        accepted, overtook, score = self._client.evalsha(
            self._put, len(keys), *keys, run, seq, ttl_ms, payload, last_seq
        )
        if score:
            self.announce([ReadyCamera(camera, float(score))])
        return WriteResult(accepted == _ACCEPTED, bool(overtook), accepted == _OTHER_DATA)

    def announce(self, ready: Sequence[ReadyCamera]) -> None:
        """Tell readers of cameras that have a frame; those known already keep their place."""
        try:
            self._client.zadd(READY, dict(ready), nx=True)
        except redis.OutOfMemoryError:
            flat = [part for camera, score in ready for part in (score, camera)]
            self._client.evalsha(self._announce, 1, READY, *flat)

    def wait(self, limit: int, timeout_s: float) -> list[ReadyCamera]:
        """The longest unserved cameras that may have a frame; waits for the first."""
        try:
            first = self._client.bzpopmin(READY, timeout_s)
            if first is None:
                return []
            found = [cast("tuple[bytes, float]", first[1:])]
            if limit > 1:
                found += cast("list[tuple[bytes, float]]", self._client.zpopmin(READY, limit - 1))
        except redis.ResponseError as error:
            raise OtherTypeError(READY) if is_of_another_type(error) else error from None
        named = [(camera.decode(errors="replace"), score) for camera, score in found]
        # A name that no camera can have was put there by somebody else.
        return [ReadyCamera(*one) for one in named if IS_CAMERA_NAME.problem(one[0]) is None]

    def take(self, cameras: Sequence[str], reader: str) -> list[Claim]:
        """Take the frames of those ``cameras`` that have one and none under way."""
        pipe = self._client.pipeline(transaction=False)
        for camera in cameras:
            held = held_key(camera, reader)
            keys = (frame_key(camera), lease_key(camera), state_key(camera), held)
            pipe.evalsha(self._take, len(keys), *keys, LEASE_MS)
            # Not by the script: its language would copy the pixels twice more.
            pipe.getdel(held)
        replies = iter(pipe.execute(raise_on_error=False))
        taken: list[Claim] = []
        for camera in cameras:
            answer, payload = next(replies), next(replies)
            if self._is_sound(camera, answer) and answer:
                taken.append(_taken(camera, answer, self._pixels(camera, reader, payload)))
        return taken

    def renew(self, frames: Sequence[Claim]) -> list[bool]:
        """Keep the cameras of ``frames`` from being taken by others; False: one was."""
        pipe = self._client.pipeline(transaction=False)
        for taken in frames:
            keys = (lease_key(taken.camera), state_key(taken.camera))
            pipe.evalsha(self._renew, len(keys), *keys, taken.lease, taken.run, taken.seq, LEASE_MS)
        replies = pipe.execute(raise_on_error=False)
        return [
            self._is_sound(taken.camera, reply) and bool(reply)
            for taken, reply in zip(frames, replies, strict=True)
        ]

    def free(self, frames: Sequence[tuple[Claim, ClaimOutcome]]) -> None:
        """Say what came of frames, and let the cameras' next ones be taken."""
        pipe = self._client.pipeline(transaction=False)
        for taken, outcome in frames:
            camera, before = taken.camera, taken.before
            keys = (frame_key(camera), lease_key(camera), state_key(camera))
            account = (before.run, before.seq, int(before.is_empty)) if before else ("", "", "")
            pipe.evalsha(
                self._free, len(keys), *keys, taken.lease, taken.run, taken.seq, outcome, *account
            )
        scores = pipe.execute(raise_on_error=False)
        ready = [
            ReadyCamera(taken.camera, float(score))
            for (taken, _), score in zip(frames, scores, strict=True)
            if self._is_sound(taken.camera, score) and score
        ]
        if ready:
            self.announce(ready)

    def _is_sound(self, camera: str, reply: object) -> bool:
        """Whether the camera's keys were as they should be; any other error is raised."""
        if not isinstance(reply, redis.RedisError):
            for key in (lease_key(camera), state_key(camera)):
                self._left_out.clear(key)
            return True
        if not is_of_another_type(reply):
            raise reply
        pipe = self._client.pipeline(transaction=False)
        pipe.get(lease_key(camera))
        pipe.hmget(state_key(camera), ["run"])
        for key, found in zip(
            (lease_key(camera), state_key(camera)),
            pipe.execute(raise_on_error=False),
            strict=True,
        ):
            if isinstance(found, redis.RedisError) and is_of_another_type(found):
                self._left_out.note(key)
        return False

    def _pixels(self, camera: str, reader: str, reply: object) -> bytes | None:
        """What lay in the frame's key; None where that was no string, and is thrown away."""
        if not isinstance(reply, redis.RedisError):
            return cast("bytes | None", reply)
        if not is_of_another_type(reply):
            raise reply
        self._client.delete(held_key(camera, reader))
        return None


def _taken(camera: str, answer: Sequence[bytes], payload: bytes | None) -> Claim:
    run, seq, slot_us, run_before, seq_before, empty_before = answer
    before = None
    if run_before:
        before = AccountedFrame(int(run_before), int(seq_before), empty_before == b"1")
    return Claim(camera, int(run), int(seq), int(slot_us), before, payload)
