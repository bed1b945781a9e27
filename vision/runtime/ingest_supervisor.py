"""Keeps one camera's ingest process alive and takes in what it sends."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from vision.domain.status import CameraState
from vision.frames.newest import NewestFrames
from vision.frames.shared_memory import FrameReady, SharedBuffers, SharedFrameReader
from vision.resilience.backoff import Backoff
from vision.runtime.camera_monitor import CameraMonitor
from vision.runtime.ingest_process import ingest_main
from vision.runtime.worker_protocol import STOP, Heartbeat, IngestTask, StateReport

_log = logging.getLogger(__name__)
# A worker says something each second; this silence means that it hangs or is stopped.
_SILENCE_S = 2.5
# The first word of a worker takes as long as its imports do on a busy machine.
_BIRTH_S = 30.0
_GOODBYE_S = 2.0
# Spawned, not forked: a fork of a process with threads can inherit a lock nobody frees.
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    run: int
    sending: threading.Lock

    def tell(self, byte: int) -> None:
        """Send one byte: a buffer to reuse, or STOP."""
        try:
            with self.sending:
                self.pipe.send_bytes(bytes((byte,)))
        except OSError:
            # It is gone and its buffers with it; the next one gets its own.
            return


class IngestSupervisor:
    """Runs in a thread of its own per camera; ``stop`` may be called from any other."""

    def __init__(
        self,
        task: IngestTask,
        frames: NewestFrames,
        monitor: CameraMonitor,
        next_run: Callable[[], int],
    ) -> None:
        """Supervise ``task``; its ``run`` is replaced by ``next_run()`` for each worker."""
        self._task = task
        self._frames = frames
        self._monitor = monitor
        self._next_run = next_run
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker at this moment."""
        worker = self._worker
        return worker.process.pid if worker else None

    def run(self) -> None:
        """Keep a worker running until :meth:`stop`."""
        backoff = Backoff(0.2, 10.0)
        while not self._stopping.is_set():
            started_s = time.monotonic()
            worker = self._spawn()
            why = self._listen(worker)
            self._bury(worker)
            if self._stopping.is_set():
                break
            if time.monotonic() - started_s > 60:  # noqa: PLR2004  a minute: it was healthy
                backoff.reset()
            delay_s = backoff.next_s()
            _log.error("ingest.worker_lost camera=%s reason=%s", self._task.name, why)
            self._monitor.on_state(
                worker.run,
                CameraState.RECONNECTING,
                f"the ingest worker {why}",
                time.time_ns() + round(delay_s * 1e9),
            )
            self._stopping.wait(delay_s)
        self._monitor.on_state(self._task.run, CameraState.STOPPED, "the node stops")

    def stop(self) -> None:
        """Ask the worker to go, and make :meth:`run` return soon."""
        self._stopping.set()
        with self._lock:
            if self._worker is not None:
                self._worker.tell(STOP)

    def kill(self) -> None:
        """End a worker that does not go by itself."""
        with self._lock:
            if self._worker is not None:
                self._worker.process.kill()

    def _spawn(self) -> _Worker:
        run = self._next_run()
        self._task = replace(self._task, run=run)
        buffers = SharedBuffers(self._task.long_side)
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(
            target=ingest_main,
            args=(self._task, theirs, buffers),
            name=f"ingest-{self._task.name}",
            daemon=True,
        )
        self._monitor.on_state(run, CameraState.STARTING, "the ingest worker starts")
        process.start()
        theirs.close()
        buffers.close_descriptor()
        worker = _Worker(process, ours, run, threading.Lock())
        self._reader = SharedFrameReader(buffers, worker.tell)
        with self._lock:
            self._worker = worker
        if self._stopping.is_set():
            self.stop()
        return worker

    def _listen(self, worker: _Worker) -> str:
        """Take in messages until the worker is gone; says in what way it went."""
        silence_s = _BIRTH_S
        try:
            while worker.pipe.poll(silence_s):
                silence_s = _SILENCE_S
                self._take_in(worker.run, worker.pipe.recv())
        except (EOFError, OSError):
            worker.process.join(_GOODBYE_S)
            return f"ended with exit code {worker.process.exitcode}"
        return "hangs"

    def _take_in(self, run: int, message: object) -> None:
        match message:
            case FrameReady():
                self._monitor.on_frame(message.meta)
                self._frames.offer(self._reader.lease(message))
            case Heartbeat():
                self._monitor.on_heartbeat(run, message.counters)
            case StateReport():
                self._monitor.on_state(run, message.state, message.reason, message.retry_at_ns)
            case _:
                raise TypeError(f"unknown message of a worker: {type(message).__name__}")

    def _bury(self, worker: _Worker) -> None:
        with self._lock:
            self._worker = None
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.process.close()
        worker.pipe.close()
