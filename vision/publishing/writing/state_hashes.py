"""The hash that holds a camera's newest state, for whoever comes later than the message."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable
from typing import TypeAlias

from redis.typing import EncodableT, FieldT

from vision.domain.message import StatusMessage
from vision.telemetry.redaction import process_redactor

HashFields: TypeAlias = dict[FieldT, EncodableT]


class StateHashes:
    """What the hashes must say and which are not written yet. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, StatusMessage] = {}
        self._lost: dict[str, int] = {}
        self._unwritten: set[str] = set()

    def update(self, status: StatusMessage) -> None:
        """Take ``status`` as the newest of its camera."""
        with self._lock:
            self._newest[status.camera] = status
            self._unwritten.add(status.camera)

    def add_lost(self, camera: str, messages: int) -> None:
        """Count detection messages of a camera that will never reach their stream."""
        with self._lock:
            self._lost[camera] = self._lost.get(camera, 0) + messages
            if camera in self._newest:
                self._unwritten.add(camera)

    def rewrite_all(self) -> None:
        """Write every hash anew: Redis may have come back without its data."""
        with self._lock:
            self._unwritten.update(self._newest)

    def rewrite(self, cameras: Iterable[str]) -> None:
        """Write the hashes of ``cameras`` anew: Redis did not take them."""
        with self._lock:
            self._unwritten.update(camera for camera in cameras if camera in self._newest)

    def runs(self) -> dict[str, str]:
        """The run of each camera's newest status."""
        with self._lock:
            return {camera: status.run for camera, status in self._newest.items()}

    def newest(self, camera: str) -> StatusMessage | None:
        """The newest status of a camera, None before its first."""
        return self._newest.get(camera)

    def take_unwritten(self) -> dict[str, HashFields]:
        """Fields by camera of the hashes to write; they count as written from now on."""
        with self._lock:
            cameras, self._unwritten = self._unwritten, set()
            return {camera: self._fields(camera) for camera in cameras}

    def _fields(self, camera: str) -> HashFields:
        newest = dataclasses.asdict(self._newest[camera])
        newest["reason"] = process_redactor.redact(newest["reason"])
        # A hash has no null: no text means that no attempt is planned.
        fields: HashFields = {name: value or "" for name, value in newest.items()}
        fields["lost"] = self._lost.get(camera, 0)
        return fields
