"""The end of an ingest process as its supervisor hears of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.support.worker_processes import resources_of
from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.domain.losses import WorkerLoss
from vision.runtime.cameras.worker import IngestWorker
from vision.runtime.ingest.protocol import IngestTask

pytestmark = pytest.mark.integration

_TASK = IngestTask(
    name="front",
    camera=CameraSettings.model_validate({"url": "rtsp://127.0.0.1:9/nobody"}),
    run=1,
    long_side=64,
    max_rss_mib=0,
    secrets_dir=None,
    logs=LogSettings(level="error"),
)


@pytest.fixture
def worker() -> Iterator[IngestWorker]:
    """A worker that will be buried by its test."""
    worker = IngestWorker(_TASK)
    yield worker
    worker.frames.close()


def test_a_killed_worker_says_so(worker: IngestWorker) -> None:
    """By the signal's name."""
    worker.kill()
    assert worker.end() == (WorkerLoss.KILLED, "was killed by SIGKILL")
    worker.reap()


def test_a_worker_that_somebody_else_collected_can_be_buried(worker: IngestWorker) -> None:
    """Multiprocessing collects all that have ended whenever a process is started, on any thread."""
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    os.waitpid(worker.pid, 0)
    worker.reap()


def test_workers_are_started_and_buried_side_by_side() -> None:
    """Each by its own thread, as when a node with many cameras ends."""
    before = resources_of(os.getpid())
    failures: list[BaseException] = []

    def live() -> None:
        try:
            for _ in range(3):
                worker = IngestWorker(_TASK)
                worker.kill()
                assert worker.end()[0] is WorkerLoss.KILLED
                worker.reap()
                worker.frames.close()
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=live) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    after = resources_of(os.getpid())
    assert before
    assert after
    # Two of multiprocessing's resource tracker, which stays.
    assert after.fds <= before.fds + 2
