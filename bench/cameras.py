"""Simulated cameras in a process of their own, with a log of when each frame was sent.

``python -m bench.cameras CLIP --count N --log FILE`` prints the URL of each camera and, when
it is told to end, writes the log: an array per camera of (viewer, ticks, nanoseconds), a row
per frame sent. Ticks are those of the 90 kHz clock since the viewer's first frame.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from simulator import Clip, Faults, Server
from vision.domain.errors import ConfigError
from vision.runtime.processes.bound_to_parent import bound, end
from vision.runtime.processes.lifecycle import stop_on_signals

_RTP_FIXED = struct.Struct(">BBHII")
_STOP_TIMEOUT_S = 10.0


@dataclass(slots=True)
class SendLog(Faults):
    """A camera without faults whose frames are written down as they are sent.

    The simulator hands each frame's packets to its faults just before they are sent.
    """

    rows: list[tuple[int, int, int]] = field(default_factory=list, repr=False)

    def impair(self, packets: list[bytes]) -> list[bytes]:
        """Note viewer, RTP timestamp and time of a frame; nothing is changed."""
        _, _, _, timestamp, viewer = _RTP_FIXED.unpack_from(packets[0])
        self.rows.append((viewer, timestamp, time.time_ns()))
        return packets


@dataclass(frozen=True, slots=True)
class Sent:
    """The frames that one viewer was sent.

    Attributes:
        ticks: Since its first frame, on the 90 kHz clock.
        sent_ns: UTC nanoseconds.
    """

    ticks: NDArray[np.int64]
    sent_ns: NDArray[np.int64]

    def at(self, ticks: int) -> int | None:
        """When the frame of ``ticks`` was sent, None if there is none."""
        index = int(np.searchsorted(self.ticks, ticks))
        is_there = index < len(self.ticks) and self.ticks[index] == ticks
        return int(self.sent_ns[index]) if is_there else None

    def last(self, number: int, frames: int, before_ns: int) -> int | None:
        """When frame ``number`` of a clip of ``frames`` was last sent before ``before_ns``."""
        times = self.sent_ns[number::frames]
        index = int(np.searchsorted(times, before_ns, side="right")) - 1
        return int(times[index]) if index >= 0 else None


def read_log(path: Path) -> dict[str, list[Sent]]:
    """Camera name to what each of its viewers was sent, first viewer first."""
    viewers = {}
    for camera, rows in json.loads(path.read_text()).items():
        table = np.array(rows, np.int64).reshape(-1, 3)
        order = dict.fromkeys(table[:, 0].tolist())
        viewers[camera] = [_sent(table[table[:, 0] == viewer]) for viewer in order]
    return viewers


def _sent(table: NDArray[np.int64]) -> Sent:
    # RTP timestamps are 32 bits wide and begin anywhere.
    return Sent((table[:, 1] - table[0, 1]) & 0xFFFFFFFF, table[:, 2])


class Cameras:
    """``count`` cameras showing one clip; to be entered by the main thread."""

    def __init__(self, clip: Path, count: int, folder: Path) -> None:
        """``folder`` takes the log, which is complete once the cameras were left."""
        self._log = folder / "sent.json"
        self._command = [sys.executable, "-m", "bench.cameras", str(clip)]
        self._command += ["--count", str(count), "--log", str(self._log)]
        self._count = count
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            bound(self._command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101  told to the type checker
        for number in range(self._count):
            url = self._process.stdout.readline().strip()
            if not url:
                raise ConfigError("the simulated cameras do not start: they say why above")
            self.urls[camera_name(number)] = url
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Their process."""
        return self._process.pid

    def stop(self) -> None:
        """End them and have the log written; safe to repeat."""
        end(self._process, _STOP_TIMEOUT_S)

    def sent(self) -> dict[str, list[Sent]]:
        """The log; see :func:`read_log`."""
        return read_log(self._log)


def camera_name(number: int) -> str:
    """Of the camera with that number, from 0."""
    return f"camera-{number + 1}"


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m bench.cameras", description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--log", type=Path, required=True)
    args = parser.parse_args()
    clip = Clip.load(args.clip)
    server = Server({camera_name(number): clip for number in range(args.count)})
    logs = {}
    for name, camera in server.cameras.items():
        camera.faults = logs[name] = SendLog()
    stop = threading.Event()
    with stop_on_signals(stop):
        with server:
            for name in server.cameras:
                print(server.url(name), flush=True)
            stop.wait()
        args.log.write_text(json.dumps({name: log.rows for name, log in logs.items()}))


if __name__ == "__main__":
    main()
