"""The node: every stage of the pipeline on one machine, wired together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from vision.artefacts.progress import Progress
from vision.config.secrets import WEB_TOKEN, SecretFiles
from vision.config.settings import Settings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import ConfigError
from vision.domain.message import detection_message, status_message
from vision.domain.status import CameraStatus
from vision.frames.newest import NewestFrames
from vision.frames.slot import FrameLease
from vision.inference.selections import selection_for_all, selections
from vision.inference.worker import InferenceWorker
from vision.publishing.redis_client import address_of
from vision.publishing.redis_publisher import RedisPublisher
from vision.runtime.camera_fleet import CameraFleet
from vision.runtime.model_loading import load_model, model_for
from vision.runtime.node_health import node_health
from vision.runtime.publish_metrics import PublishMetrics
from vision.runtime.redis_password import redis_password
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.telemetry.redaction import process_redactor
from vision.web.access import is_loopback
from vision.web.app import create_app
from vision.web.feed import LiveFeed
from vision.web.health import Health
from vision.web.server import WebServer

_log = logging.getLogger(__name__)
_WATCHDOG_S = 0.5
# Long enough for a full outbox over a slow line, short enough for an impatient init system.
_DRAIN_S = 5.0


class Node:
    """Cameras in, detections out; everything on one machine.

    The constructor checks what a person may have got wrong and loads the model; :meth:`run`
    starts the threads and processes and ends them.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        """Prepare a node for ``settings``.

        Raises:
            ConfigError: A key, secret file, model or port is not in order.
            ArtefactError: The model cannot be had or is not the one named.
        """
        self._settings = settings
        self._secrets = SecretFiles(settings.secrets_dir, process_redactor.register)
        self._check_cameras()
        self._redis_password()
        self._fleet = CameraFleet(settings, self._tell_status)
        self._metrics = NodeMetrics(self._fleet.views)
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            self._redis_password,
            PublishMetrics(self._metrics),
        )
        self._feed = LiveFeed()
        # Before the model, which takes seconds: a port in use is told at once.
        self._web = self._web_server() if settings.web.enabled else None
        chosen = model_for(settings, progress)
        selected = selections(settings.active_cameras, settings.model, chosen.entry.labels)
        self._compiler = ThreadPoolExecutor(1, thread_name_prefix="compile")
        self._backend = load_model(settings, chosen, self._compiler)
        self._frames = NewestFrames(self._count_skipped)
        self._worker = InferenceWorker(
            self._frames,
            self._backend,
            self._deliver,
            settings=settings.inference,
            selections=selected,
            selection_for_all=selection_for_all(settings.model),
            on_skipped=self._count_skipped,
        )
        self._failure: BaseException | None = None

    @property
    def url(self) -> str | None:
        """Address of the live page, None when there is none."""
        return self._web.url if self._web else None

    def cameras(self) -> list[CameraView]:
        """All cameras at a glance, in the order of the configuration."""
        return self._fleet.views()

    def health(self) -> Health:
        """Whether the node does its work."""
        return node_health(
            self.cameras(),
            self._backend.model,
            address_of(self._settings.redis),
            redis_connected=self._publisher.connected,
        )

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then send what waits and return.

        Raises:
            VisionError: A part failed that the node cannot go on without.
        """
        ended = threading.Event()
        sending = self._start("publish", lambda: self._publisher.run(ended), stop)
        inferring = self._start("inference", lambda: self._worker.run(ended), stop)
        serving = self._start("web", self._web.run, stop) if self._web else None
        newest_runs = self._publisher.last_stream_runs(self._fleet.monitors)
        self._fleet.start(self._frames, self._backend.input_size, newest_runs)
        _log.info("node.started cameras=%d page=%s", len(self._fleet.monitors), self.url)
        while not stop.wait(_WATCHDOG_S):
            self._fleet.check_stalls()
        _log.info("node.stopping")
        self._fleet.stop()
        ended.set()
        self._worker.wake()
        inferring.join()
        self._publisher.drain(_DRAIN_S)
        sending.join()
        if self._web and serving:
            self._web.stop()
            serving.join()
        self._compiler.shutdown()
        self._backend.close()
        _log.info("node.stopped")
        if self._failure is not None:
            raise self._failure

    def _check_cameras(self) -> None:
        cameras = self._settings.active_cameras
        if not cameras:
            raise ConfigError("cameras: there is none: add one under this key, or enable it")
        for name, camera in cameras.items():
            self._secrets.camera(name, camera)

    def _redis_password(self) -> str | None:
        return redis_password(self._settings, self._secrets)

    def _web_server(self) -> WebServer:
        web = self._settings.web
        token = self._secrets.read(WEB_TOKEN)
        if token is None and not is_loopback(web.host):
            raise ConfigError(
                f"web.host: {web.host} is open to the network: put a token into the secret file "
                f"{WEB_TOKEN}, or use 127.0.0.1"
            )
        app = create_app(
            self._feed,
            self.cameras,
            self.health,
            self._metrics.exposition,
            host=web.host,
            token=token,
        )
        return WebServer(app, web.host, web.port, on_stop=self._feed.close)

    def _start(
        self, name: str, work: Callable[[], None], stop: threading.Event
    ) -> threading.Thread:
        """Run ``work`` in a thread; if it fails, the node ends with its error.

        Whoever started the node starts it again: better than one that looks alive.
        """

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  raised again by run
                _log.critical("node.part_failed part=%s", name, exc_info=error)
                self._failure = error
                stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _deliver(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        frame = lease.frame
        camera = frame.meta.camera
        message = detection_message(frame.meta, seen, record, time.time_ns())
        payload = self._publisher.publish(message)
        now_mono_ns = time.monotonic_ns()
        labels = [found.label for found in message.detections]
        self._fleet.monitors[camera].on_published(frame.meta, labels, now_mono_ns)
        self._metrics.inference.observe(record.inference_ms / 1000)
        age_s = frame.meta.age_ns(now_mono_ns) / 1e9
        self._metrics.capture_to_publish.labels(camera).observe(age_s)
        self._feed.on_inferred(frame, payload)

    def _tell_status(self, status: CameraStatus) -> None:
        self._feed.on_status(self._publisher.publish_status(status_message(status)))

    def _count_skipped(self, camera: str, reason: str, count: int) -> None:
        self._fleet.monitors[camera].on_skipped(reason, count)
