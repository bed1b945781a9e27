"""One ingest process as its supervisor sees it: started, talked to, buried."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.domain.losses import WorkerLoss
from vision.frames.shared_memory import SharedFrameReader, shared_slot
from vision.runtime.ingest.memory import processor_s, resident_mib
from vision.runtime.ingest.process import ingest_main
from vision.runtime.ingest.protocol import LOGS, STOP, TUNING, IngestTask

_GOODBYE_S = 2.0
# How long the exit code of a process that has ended may be on its way, and how often to look.
_NOTED_S, _LOOK_S = 1.0, 0.001
# Each start needs descriptors for a moment that are the worker's from then on. Starts take the
# processor, not time: all at once are no sooner done.
_starting = threading.BoundedSemaphore(2)
# Spawned, not forked: a fork of a process with threads can inherit a lock nobody frees.
_spawn = multiprocessing.get_context("spawn")


class IngestWorker:
    """A process of its own with its end of a pipe and its part of shared memory.

    ``stop`` and ``kill`` may be called from any thread, the rest is its supervisor's.
    """

    def __init__(self, task: IngestTask) -> None:
        """Start it.

        Raises:
            OSError: The machine has no process, memory or descriptor left.
        """
        self.run = task.run
        self._sending = threading.Lock()
        with _starting:
            self._start(task)

    def _start(self, task: IngestTask) -> None:
        self._frames, writer_side = shared_slot(task.name, task.long_side)
        try:
            self._pipe, theirs = _spawn.Pipe()
            try:
                self._process: BaseProcess = _spawn.Process(
                    target=ingest_main,
                    args=(task, theirs, writer_side),
                    name=f"ingest-{task.name}",
                    daemon=True,
                )
                self._process.start()
            except BaseException:
                self._pipe.close()
                raise
            finally:
                theirs.close()
        except BaseException:
            self._frames.close()
            raise
        finally:
            writer_side.close()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    @property
    def pipe(self) -> Connection:
        """What it says; the end of it is the worker's."""
        return self._pipe

    @property
    def frames(self) -> SharedFrameReader:
        """Where its frames come from; to be closed by whoever reads it."""
        return self._frames

    def resident_mib(self) -> float:
        """Memory it holds, MiB."""
        return resident_mib(self._process.pid) if self._process.pid else 0.0

    def processor_s(self) -> float | None:
        """Processor time it used so far, seconds; None while nobody can say."""
        return processor_s(self._process.pid) if self._process.pid else 0.0

    def stop(self) -> None:
        """Ask it to go."""
        self._send(bytes((STOP,)))

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Tell it how to log from now on."""
        self._send(bytes((LOGS,)) + logs.model_dump_json().encode())

    def retune(self, camera: CameraSettings) -> None:
        """Have it follow those settings of its camera that need no new connection."""
        self._send(bytes((TUNING,)) + camera.model_dump_json().encode())

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> tuple[WorkerLoss, str]:
        """How it ended, also in words, once its pipe has."""
        code = self._exit_code(_GOODBYE_S)
        if code is not None and code < 0:
            return WorkerLoss.KILLED, f"was killed by {signal.Signals(-code).name}"
        how = "closed its pipe" if code is None else f"ended with exit code {code}"
        return WorkerLoss.EXITED, how

    def reap(self) -> None:
        """Wait until nothing is left of it but frames that were not read yet."""
        self._process.kill()
        if self._exit_code() is not None:
            self._process.close()
        with self._sending:
            self._pipe.close()

    def _exit_code(self, timeout_s: float | None = None) -> int | None:
        """Its exit code once it has ended; None if it has not within ``timeout_s``, or for ever."""
        if not wait([self._process.sentinel], timeout_s):
            return None
        self._process.join()
        # Any thread that starts a process collects those that have ended, of all threads: it may
        # have done so and not have come to note the code, which multiprocessing takes for alive.
        give_up_s = time.monotonic() + _NOTED_S
        while self._process.exitcode is None and time.monotonic() < give_up_s:
            time.sleep(_LOOK_S)
        return self._process.exitcode

    def _send(self, message: bytes) -> None:
        try:
            with self._sending:
                self._pipe.send_bytes(message)
        except OSError:
            # It is gone.
            return
