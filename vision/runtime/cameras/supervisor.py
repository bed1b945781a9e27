"""Keeps one camera's ingest process alive and takes in what it sends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.config.switch import SwitchState
from vision.domain.losses import WorkerLoss
from vision.domain.status import CameraState
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.wire import FrameFormatError
from vision.resilience.backoff import Backoff
from vision.resilience.restart_policy import RestartPolicy
from vision.resilience.suspension import hears
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.worker import IngestWorker
from vision.runtime.ingest.protocol import Heartbeat, IngestTask, StateReport

# Its imports need a second of a processor. Where many processes start at once, or others leave
# it none, that takes much longer, and whoever is replaced meanwhile begins anew.
_ROUND_S, _ROUNDS = 30.0, 10
_GETS_ON_S = 0.03


def startup_timeout_s(
    poll: Callable[[float], bool], processor_s: Callable[[], float | None]
) -> float:
    """Wait for a first word for as long as whoever is to say it gets on.

    Args:
        poll: Whether there is a word within so many seconds.
        processor_s: Processor time it used so far, seconds; None while nobody can say.

    Returns:
        0 once there is a word, else the seconds after which it was given up.
    """
    used_s = waited_s = 0.0
    for _ in range(_ROUNDS):
        if poll(_ROUND_S):
            return 0.0
        waited_s += _ROUND_S
        now_s = processor_s()
        if now_s is None:
            continue
        if now_s - used_s < _GETS_ON_S:
            break
        used_s = now_s
    return waited_s


_log = logging.getLogger(__name__)
# A worker says something four times a second: this silence means that it hangs or is stopped.
_SILENCE_S, _LOOK_S = 1.5, 0.5
_WEIGH_EVERY_S = 1.0
_AT_ONCE, _WINDOW_S = 5, 60.0
_RESTART_BOUNDS_S = (0.5, 30.0)


_ON = SwitchState(is_on=True)


class IngestSupervisor:
    """Runs in a thread of its own per camera; ``stop`` may be called from any other."""

    def __init__(
        self,
        task: IngestTask,
        frames: LatestFrames,
        monitor: CameraMonitor,
        next_run: Callable[[], int],
        switch: SwitchState = _ON,
    ) -> None:
        """Supervise ``task``; its ``run`` is replaced by ``next_run()`` for each worker.

        ``switch`` is whether the camera is on to begin with.
        """
        self._task = task
        self._frames = frames
        self._monitor = monitor
        self._next_run = next_run
        self._switch = switch
        self._last_state = CameraState.STOPPED, "the node stops"
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._worker: IngestWorker | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker at this moment."""
        worker = self._worker
        return worker.pid if worker else None

    def run(self) -> None:
        """Keep a worker running while the camera is on, until :meth:`stop` or :meth:`remove`."""
        restarts = RestartPolicy(_AT_ONCE, _WINDOW_S, Backoff(*_RESTART_BOUNDS_S))
        while not self._stopping.is_set():
            self._changed.clear()
            if not self._switch.is_on:
                self._monitor.on_state(
                    self._task.run, CameraState.DISABLED, self._switch.reason, None
                )
                self._changed.wait()
                continue
            try:
                loss, why = self._serve()
            except Exception:  # noqa: BLE001  without this thread the camera is lost for good
                _log.exception("ingest.not_served camera=%s", self._task.name)
                loss, why = WorkerLoss.NOT_UNDERSTOOD, "could not be served"
            if self._stopping.is_set():
                break
            if self._changed.is_set():
                if self._switch.is_on:
                    self._monitor.on_state(
                        self._task.run, CameraState.RECONNECTING, "its settings have changed"
                    )
                continue
            delay_s = restarts.next_s()
            _log.error("ingest.worker_lost camera=%s reason=%s", self._task.name, why)
            self._monitor.on_worker_lost(loss)
            self._monitor.on_state(
                self._task.run,
                CameraState.RECONNECTING,
                f"the ingest worker {why}",
                time.time_ns() + round(delay_s * 1e9),
            )
            self._changed.wait(delay_s)
        self._monitor.on_state(self._task.run, *self._last_state)

    def stop(self) -> None:
        """Ask the worker to go, and make :meth:`run` return soon."""
        self._stopping.set()
        self._end_worker()

    def remove(self) -> None:
        """As :meth:`stop`, of a camera that is no more."""
        self._last_state = CameraState.REMOVED, "it is no longer in the settings"
        self.stop()

    def replace(self, camera: CameraSettings, switch: SwitchState) -> None:
        """Have another worker serve ``camera`` if it is on; the one that does now goes."""
        with self._lock:
            self._task = replace(self._task, camera=camera)
            self._switch = switch
        self._end_worker()

    def _end_worker(self) -> None:
        # First: whoever sees the worker gone has to know why.
        self._changed.set()
        with self._lock:
            if self._worker is not None:
                self._worker.stop()

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have the worker log in this way, and those to come."""
        with self._lock:
            self._task = replace(self._task, logs=logs)
            if self._worker is not None:
                self._worker.apply_log_settings(logs)

    def retune(self, camera: CameraSettings) -> None:
        """Have the worker follow settings that need no new connection, and those to come all."""
        with self._lock:
            self._task = replace(self._task, camera=camera)
            if self._worker is not None:
                self._worker.retune(camera)

    def kill(self) -> None:
        """End a worker that does not go by itself."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    def _serve(self) -> tuple[WorkerLoss, str]:
        """Start one worker and take in what it says until it is gone; says how it went."""
        with self._lock:
            self._task = replace(self._task, run=self._next_run())
        self._monitor.on_state(self._task.run, CameraState.STARTING, "the ingest worker starts")
        try:
            worker = IngestWorker(self._task)
        except (OSError, MemoryError, RuntimeError) as error:
            # Of descriptors, processes, threads or memory there is none left.
            return WorkerLoss.NOT_STARTED, f"cannot be started: {_in_words(error)}"
        with self._lock:
            self._worker = worker
        if self._changed.is_set():
            self._end_worker()
        self._frames.attach(worker.frames, self._monitor.on_frame)
        try:
            return self._listen(worker)
        except FrameFormatError as error:
            return WorkerLoss.NOT_UNDERSTOOD, f"announces what is no frame: {error}"
        except Exception:  # noqa: BLE001  a camera must not be lost to a word of its worker
            _log.exception("ingest.worker_not_understood camera=%s", self._task.name)
            return WorkerLoss.NOT_UNDERSTOOD, "says what nobody understands"
        finally:
            with self._lock:
                self._worker = None
            try:
                worker.reap()
            finally:
                self._frames.detach(worker.frames)

    def _listen(self, worker: IngestWorker) -> tuple[WorkerLoss, str]:
        """Take in messages until the worker is gone; says in what way it went."""
        weigh_s = time.monotonic()
        try:
            listen = partial(hears, worker.pipe.poll, look_s=_LOOK_S)
            unborn_s = startup_timeout_s(listen, worker.processor_s)
            if unborn_s:
                return WorkerLoss.SILENT, f"said nothing for {unborn_s:g} s"
            while listen(_SILENCE_S):
                message = worker.pipe.recv()
                self._take_in(worker, message)
                if isinstance(message, Heartbeat) and message.is_hanging:
                    return WorkerLoss.HUNG, "hangs in the media library"
                if time.monotonic() >= weigh_s:
                    weigh_s = time.monotonic() + _WEIGH_EVERY_S
                    if excess := self._excess(worker):
                        return WorkerLoss.MEMORY, excess
        except (EOFError, OSError):
            return worker.end()
        return WorkerLoss.SILENT, f"said nothing for {_SILENCE_S:g} s"

    def _take_in(self, worker: IngestWorker, message: object) -> None:
        match message:
            case Heartbeat():
                # Whatever the inference does, frames overtake one another.
                self._frames.collect(worker.frames)
                self._monitor.on_heartbeat(worker.run, message)
            case StateReport():
                self._monitor.on_state(
                    worker.run, message.state, message.reason, message.retry_at_ns, message.lost
                )
            case _:
                raise TypeError(f"unknown message of a worker: {type(message).__name__}")

    def _excess(self, worker: IngestWorker) -> str:
        """What is wrong with the worker's memory; nothing while it keeps to its limit."""
        limit_mib = self._task.max_rss_mib
        if not limit_mib or (held_mib := worker.resident_mib()) <= limit_mib:
            return ""
        return f"held {held_mib:.0f} MiB, more than ingest.max_rss_mib ({limit_mib})"


def _in_words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or type(error).__name__
