"""The newest-frame slot by itself: over Redis and in shared memory, in one run.

A process per camera puts a frame as soon as its last one was taken, one thread takes, and
nothing is inferred: what is left is what a frame costs on its way. Latency is from the call
that puts a frame to the moment the taker has it; processor time is that of all processes
that took part, Redis included.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.cases import Options, row
from bench.processes import cpu_s
from bench.result import Row
from bench.summary import percentiles, rounded
from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.core import RedisSettings
from vision.domain.frame import ClockSource, Frame, FrameMeta
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.redis_source import RedisFrameSource
from vision.frames.redis_writer import RedisFrameWriter
from vision.frames.shared_memory import WriterSide, shared_slot
from vision.frames.slot import FrameLease, FrameSink, FrameSource
from vision.resilience.troubles import Troubles

_CAMERAS = (1, 4, 16)
_WIDTH, _HEIGHT = 640, 360
# Planar YUV 4:2:0: luma above, both chroma planes below it.
_SHAPE = (_HEIGHT * 3 // 2, _WIDTH)
_MAX_AGE_MS = 60_000
_WARM_UP_S = 1.0
_BATCH = 8
_MOMENT_S = 0.0001
_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback
_GO, _END = b"go", b"end"
_spawn = multiprocessing.get_context("spawn")


class Finish(Protocol):
    """What the taker does once it is done with a frame."""

    def __call__(self, lease: FrameLease) -> None:
        """Give it back."""


@dataclass(slots=True)
class _Tally:
    frames: int = 0
    latencies_us: list[float] = field(default_factory=list)


def measure(options: Options) -> list[Row]:
    """All figures, the two slots one after the other at each number of cameras."""
    rows = []
    for count in _CAMERAS:
        names = [f"camera-{number + 1}" for number in range(count)]
        with _shared_memory(names) as bench:
            rows.append(row("slot", f"shared memory, {count} cameras", bench(options.seconds)))
        with (
            tempfile.TemporaryDirectory(prefix="vision-bench-") as folder,
            EmbeddedRedis(Path(folder), _PASSWORD) as redis,
            _redis(names, redis) as bench,
        ):
            rows.append(row("slot", f"redis, {count} cameras", bench(options.seconds)))
    return rows


_Bench = Callable[[float], dict[str, float]]


@contextmanager
def _shared_memory(names: list[str]) -> Iterator[_Bench]:
    newest = LatestFrames(lambda *_: None)
    controls: dict[str, Connection] = {}
    processes: list[SpawnProcess] = []
    for name in names:
        reader, side = shared_slot(name, _WIDTH)
        controls[name], control = _spawn.Pipe()
        process = _spawn.Process(target=_shared_writer, args=(name, side, control))
        process.start()
        processes.append(process)
        control.close()
        side.close()
        newest.attach(reader, lambda _: None)
    yield lambda seconds: _measure(seconds, newest, lambda lease: lease.release(), controls)
    for process in processes:
        process.join()


def _shared_writer(name: str, side: WriterSide, control: Connection) -> None:
    _write(name, side.open(), control)


@contextmanager
def _redis(names: list[str], redis: EmbeddedRedis) -> Iterator[_Bench]:
    settings = RedisSettings(url=redis.url)
    controls: dict[str, Connection] = {}
    processes: list[SpawnProcess] = []
    for name in names:
        controls[name], control = _spawn.Pipe()
        process = _spawn.Process(target=_redis_writer, args=(name, settings, control))
        process.start()
        processes.append(process)
        control.close()
    source = RedisFrameSource(settings, lambda: _PASSWORD, _MAX_AGE_MS)
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in (source.fetch, source.keep)]
    for thread in threads:
        thread.start()

    def finish(lease: FrameLease) -> None:
        meta = lease.frame.meta
        ack = source.hand_over(meta.camera, f"{meta.run}-{meta.seq}", is_empty=False)
        lease.release()
        ack()

    yield lambda seconds: _measure(seconds, source, finish, controls, redis.pid)
    stop.set()
    source.wake()
    for thread in threads:
        thread.join()
    for process in processes:
        process.join()


def _redis_writer(name: str, settings: RedisSettings, control: Connection) -> None:
    _write(
        name,
        RedisFrameWriter(
            settings, lambda: _PASSWORD, _MAX_AGE_MS, lambda *_: None, troubles=Troubles()
        ),
        control,
    )


def _write(name: str, sink: FrameSink, control: Connection) -> None:
    """Put a frame at each word of the taker; tell the processor time spent on it."""
    image = np.random.default_rng(0).integers(0, 256, _SHAPE, np.uint8)
    meta = FrameMeta(
        name, 1, 0, 0, (1, 1), 0, ClockSource.ARRIVAL, None, 0, 0, _WIDTH, _HEIGHT, 0, 0.0
    )
    control.send(time.process_time())
    while control.recv_bytes() == _GO:
        # The monotonic clock is the machine's, so the taker can read it in any process.
        now_ns = time.monotonic_ns()
        meta = replace(meta, seq=meta.seq + 1, pts=now_ns, received_mono_ns=now_ns)
        while not sink.put(Frame(meta, image)):
            # All are with the taker: a camera would skip.
            time.sleep(_MOMENT_S)
    control.send(time.process_time())


def _measure(
    seconds: float,
    source: FrameSource,
    finish: Finish,
    controls: dict[str, Connection],
    redis_pid: int | None = None,
) -> dict[str, float]:
    started_cpu_s = sum(control.recv() for control in controls.values())
    for control in controls.values():
        control.send_bytes(_GO)
    _take(_WARM_UP_S, source, finish, controls)
    used_s = time.process_time(), cpu_s(redis_pid) if redis_pid else 0.0
    started_s = time.monotonic()
    tally = _take(seconds, source, finish, controls)
    elapsed_s = time.monotonic() - started_s
    taker_s = time.process_time() - used_s[0]
    redis_s = cpu_s(redis_pid) - used_s[1] if redis_pid else 0.0
    for control in controls.values():
        control.send_bytes(_END)
    # The writers' time covers the warm-up too, which is taken out by its share.
    share = seconds / (seconds + _WARM_UP_S)
    writers_s = (sum(control.recv() for control in controls.values()) - started_cpu_s) * share
    figures = {
        "per_s": rounded(tally.frames / elapsed_s),
        **percentiles(tally.latencies_us, "latency", "us"),
        **{
            f"{name}_cpu_us": rounded(spent_s / tally.frames * 1e6)
            for name, spent_s in (("writer", writers_s), ("taker", taker_s), ("redis", redis_s))
        },
        "cpu_us": rounded((writers_s + taker_s + redis_s) / tally.frames * 1e6),
    }
    figures.pop("latency_max_us")
    return figures


def _take(
    seconds: float, source: FrameSource, finish: Finish, controls: dict[str, Connection]
) -> _Tally:
    tally = _Tally()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        for lease in source.take(_BATCH, 0.1):
            meta = lease.frame.meta
            tally.frames += 1
            tally.latencies_us.append((time.monotonic_ns() - (meta.pts or 0)) / 1000)
            finish(lease)
            controls[meta.camera].send_bytes(_GO)
    return tally
