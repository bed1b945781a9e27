"""The ingest process: one camera, connected again and again until told to stop."""

from __future__ import annotations

import copy
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable
from multiprocessing.connection import Connection

from vision.capture.address import RtspAddress
from vision.capture.worker import CaptureWorker, Tuning
from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.config.secrets import SecretFiles
from vision.domain.errors import ConfigError, SourceError, SourceErrorCode
from vision.domain.status import CameraState
from vision.frames.shared_memory import WriterSide
from vision.resilience.backoff import Backoff
from vision.resilience.suspension import DeadlineWatch
from vision.runtime.ingest.memory import resident_bytes
from vision.runtime.ingest.protocol import (
    HEARTBEAT_S,
    LOGS,
    STOP,
    TUNING,
    Heartbeat,
    IngestTask,
    StateReport,
    WorkerVitals,
)
from vision.runtime.processes.bound_to_parent import end_with_parent
from vision.runtime.processes.error_reports import start_error_reports
from vision.runtime.processes.heap import keep_freed_memory
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.logs import configure_logs, set_levels
from vision.telemetry.redacted_stream import redact_output
from vision.telemetry.redaction import process_redactor

# A look at two files costs microseconds, and a person who has typed a password waits for it.
_LOOK_EVERY_S = 1.0


class RetryWait:
    """One wait for a retry; made before the attempt that may fail."""

    def __init__(self, stamp: Callable[[], Hashable], wait: Callable[[float], bool]) -> None:
        """Note how the secret files are now.

        Args:
            stamp: Differs when a secret file has changed.
            wait: Waits so many seconds; True ends all waiting.
        """
        self._stamp = stamp
        self._wait = wait
        self._tried = stamp()

    def wait(self, delay_s: float) -> bool:
        """Wait for ``delay_s`` seconds at most; whether a changed secret file cut it short."""
        seen, left_s = self._tried, delay_s
        while left_s > 0:
            look_s = min(_LOOK_EVERY_S, left_s)
            left_s -= look_s
            if self._wait(look_s):
                return False
            before, seen = seen, self._stamp()
            # A user name and its password are two files: wait until both are written.
            if seen != self._tried and seen == before:
                return True
        return False


def camera_address(name: str, camera: CameraSettings, secrets: SecretFiles) -> RtspAddress:
    """The address of a camera, its credentials read anew.

    Raises:
        ConfigError: A secret file is missing or not in order.
    """
    credentials = secrets.camera(name, camera)
    return RtspAddress(
        url=camera.url,
        username=credentials.username if credentials else None,
        password=credentials.password if credentials else None,
        transport=camera.transport,
        open_timeout_s=camera.open_timeout_s,
        read_timeout_s=camera.read_timeout_s,
        tls_verify=camera.tls.verify,
        tls_ca_file=camera.tls.ca_file,
        tls_server_name=camera.tls.server_name,
    )


_log = logging.getLogger(__name__)
# A connection that lasted this long was a good one: the next failure starts from the bottom.
_GOOD_CONNECTION_S = 10.0
# How long a worker may take to say goodbye to its camera before it just goes.
_GOODBYE_S = 1.0
# A heartbeat that is later than that was held up with its whole process.
_LATE_S = 0.5
_STATES = {
    SourceErrorCode.AUTH_FAILED: CameraState.AUTH_FAILED,
    SourceErrorCode.NOT_FOUND: CameraState.NOT_FOUND,
    SourceErrorCode.DECODE: CameraState.DECODE_ERROR,
}
# Cameras lock an account after five wrong passwords or so: ask seldom. At least half a minute,
# one, two and then two and a half pass between attempts.
_SLOW = frozenset({SourceErrorCode.AUTH_FAILED, SourceErrorCode.NOT_FOUND})
_SLOW_BOUNDS_S = (60.0, 300.0)
_SLOW_LEAST_SHARE = 0.5
_QUICK_BOUNDS_S = (0.25, 15.0)


def ingest_main(task: IngestTask, pipe: Connection, frames: WriterSide) -> None:
    """Body of the process that :mod:`vision.runtime.cameras.supervisor` spawns."""
    # The end of the pipe tells a worker that its node is gone, but not one that is stopped or
    # hangs in a library: that one is killed by the kernel.
    node = multiprocessing.parent_process()
    if node is not None and node.pid is not None:
        end_with_parent(node.pid, signal.SIGKILL)
    # A terminal sends Ctrl-C to the whole group, but the node decides when a worker goes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As for these, which are for the node.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    configure_logs(task.logs.level, task.logs.format, sys.stderr)
    set_levels(task.logs.level, task.logs.areas.items())
    # For good: what nobody catches is printed by multiprocessing, after this function.
    redact_output("stdout", "stderr")
    try:
        start_error_reports(task.secrets_dir, f"ingest worker {task.name}")
    except ConfigError as error:
        # The node refuses to start with it; once it runs, a camera is worth more than a report.
        _log.warning('ingest.no_error_reports camera=%s reason="%s"', task.name, error)
    keep_freed_memory()
    IngestProcess(task, pipe, frames).run()


class IngestProcess:
    """Wires the capture worker to the pipe and the shared memory."""

    def __init__(self, task: IngestTask, pipe: Connection, frames: WriterSide) -> None:
        self._task = task
        self._pipe = pipe
        self._sending = threading.Lock()
        self._stop = threading.Event()
        self._done = threading.Event()
        self._secrets = secret_files(task.secrets_dir)
        self._online_since_s: float | None = None
        self._frozen_after_s = task.camera.frozen_after_s
        self._worker = CaptureWorker(
            camera=task.name,
            run=task.run,
            tuning=Tuning.of(task.camera),
            long_side=task.long_side,
            sink=frames.open(),
            on_online=self._online,
            on_clock_step=self._clock_step,
            on_frozen=self._frozen,
        )

    def run(self) -> None:
        """Serve the camera until the node says stop or is gone."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        try:
            self._serve()
        finally:
            self._done.set()

    def _serve(self) -> None:
        quick = Backoff(*_QUICK_BOUNDS_S)
        slow = Backoff(*_SLOW_BOUNDS_S, least_share=_SLOW_LEAST_SHARE)
        while not self._stop.is_set():
            self._online_since_s = None
            # Before they are read: a change in the middle of an attempt is one, too.
            waiting = RetryWait(lambda: self._secrets.stamp(self._task.name), self._stop.wait)
            failure = self._capture()
            if failure is None:
                return
            since_s = self._online_since_s
            if since_s is not None and time.monotonic() - since_s > _GOOD_CONNECTION_S:
                quick.reset()
                slow.reset()
            delay_s = (slow if failure.code in _SLOW else quick).next_s()
            self._send(
                StateReport(
                    state=_STATES.get(failure.code, CameraState.RECONNECTING),
                    # Here, where a password that was changed since the start is known.
                    reason=process_redactor.redact(failure.reason),
                    retry_at_ns=time.time_ns() + round(delay_s * 1e9),
                    lost=failure.code,
                )
            )
            if waiting.wait(delay_s):
                _log.info("ingest.secret_changed camera=%s", self._task.name)
                slow.reset()

    def _capture(self) -> SourceError | None:
        """Serve one connection; None when it ended because we were told to stop."""
        try:
            # Read anew for each connection, so that a rotated password needs no restart.
            address = camera_address(self._task.name, self._task.camera, self._secrets)
            self._worker.capture(address, self._stop)
        except SourceError as error:
            return error
        except ConfigError as error:
            return SourceError(SourceErrorCode.AUTH_FAILED, str(error))
        return None

    def _online(self, codec: str) -> None:
        self._online_since_s = time.monotonic()
        self._send(StateReport(CameraState.ONLINE, f"{codec} frames arrive"))

    def _clock_step(self, step_ms: float) -> None:
        reason = f"the camera's clock jumped by {step_ms / 1000:+.1f} s"
        self._send(StateReport(CameraState.CLOCK_STEP, reason))

    def _frozen(self, is_frozen: bool) -> None:  # noqa: FBT001  the event is the value
        if is_frozen:
            reason = f"nothing new in the picture for {self._frozen_after_s:g} s"
            self._send(StateReport(CameraState.FROZEN, reason))
        else:
            self._send(StateReport(CameraState.ONLINE, "the picture changes again"))

    def _send(self, message: StateReport) -> None:
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            # The node is gone; the listener sees the same and ends the process.
            self._stop.set()

    def _listen(self) -> None:
        try:
            while (message := self._pipe.recv_bytes())[0] != STOP:
                self._obey(message[0], message[1:])
        except (EOFError, OSError):
            _log.warning("ingest.node_gone camera=%s", self._task.name)
        self._stop.set()
        # A read blocked in the media library cannot be interrupted, only left behind.
        if not self._done.wait(_GOODBYE_S):
            os._exit(0)

    def _obey(self, command: int, document: bytes) -> None:
        """Follow what the node says of logs or of the camera's settings."""
        if command == LOGS:
            logs = LogSettings.model_validate_json(document)
            set_levels(logs.level, logs.areas.items())
            _log.debug("ingest.logs_set camera=%s", self._task.name)
        elif command == TUNING:
            camera = CameraSettings.model_validate_json(document)
            self._frozen_after_s = camera.frozen_after_s
            self._worker.retune(Tuning.of(camera))
            _log.debug("ingest.settings_changed camera=%s", self._task.name)

    def _beat(self) -> None:
        hanging = DeadlineWatch(HEARTBEAT_S + _LATE_S)
        try:
            while not self._stop.wait(HEARTBEAT_S):
                # Copied in its turn: never older than the state report before it.
                with self._sending:
                    counters = copy.copy(self._worker.counters)
                    is_hanging = hanging.tick(counters.due_mono_ns / 1e9)
                    now_ns = time.monotonic_ns()
                    self._pipe.send(
                        Heartbeat(counters, _vitals(), now_ns, hanging.stood_s, is_hanging)
                    )
        except OSError:
            self._stop.set()


def _vitals() -> WorkerVitals:
    return WorkerVitals(
        cpu_s=time.process_time(),
        rss_bytes=resident_bytes(os.getpid()),
        redactions=process_redactor.redactions,
    )
