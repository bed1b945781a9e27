"""Descriptors run out: the page has fewer viewers, and cameras notice nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.node_rig import running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, bound_s, let_pass, wait_for
from tests.support.worker_processes import ingest_processes, resources_of
from vision.runtime.processes.descriptors import needed_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_CAMERAS, _FPS = 8, 5
# As many as cameras need, and a few for viewers, of whom there are far more.
_OPEN_FILES = needed_for(_CAMERAS) + 80
_VIEWERS, _PER_ADDRESS = 300, 50
_RECOVER_S, _AWAY_S = 15.0, 3.0
_REQUEST = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def viewers(port: int) -> Iterator[None]:
    """Connections to the page that stay, from several addresses; those that it takes."""
    with ExitStack() as held:
        for number in range(_VIEWERS):
            source = (f"127.0.0.{2 + number // _PER_ADDRESS}", 0)
            with contextlib.suppress(OSError):
                viewer = socket.create_connection(("127.0.0.1", port), 2, source_address=source)
                held.callback(viewer.close)
                viewer.sendall(_REQUEST)
        yield


def test_descriptors_run_out(tmp_path: Path, verify: Callable[[Outcome], None]) -> None:
    """A worker is replaced and Redis connected again, while viewers want more than there are."""
    outcome = Outcome(
        "descriptors run out",
        f"{_VIEWERS} viewers of a node with {_OPEN_FILES} descriptors and {_CAMERAS} cameras; then "
        "kill -9 of a worker and of Redis",
    )
    running = running_node_rig(
        tmp_path, {"web": {"port": 0}}, cameras=_CAMERAS, fps=_FPS, open_files=_OPEN_FILES
    )
    with running as rig:
        node, recorder = rig.node, rig.recorder
        rig.wait_for_messages(5)
        assert node.process is not None
        port = urlsplit(node.page()).port
        assert port is not None
        with viewers(port):
            let_pass(2.0)
            held = resources_of(node.process.pid)
            assert held is not None
            outcome.notes = {"descriptors_held": held.fds}
            outcome.expect(held.fds <= _OPEN_FILES, f"{held.fds} descriptors")
            os.kill(ingest_processes(node.process.pid)[0], signal.SIGKILL)
            killed_s = time.monotonic()
            lost = wait_for(lambda: "worker_lost" in node.log, bound_s(_RECOVER_S))
            outcome.detect_s = time.monotonic() - killed_s
            outcome.expect(lost, "the killed worker was not missed")
            rig.redis.kill()
            let_pass(_AWAY_S)
            rig.redis.restart()
            outcome.recover_s = rig.back_after_s(time.monotonic(), bound_s(_RECOVER_S))
            outcome.expect(outcome.recover_s is not None, "not all cameras are back")
        outcome.expect(node.log.count("worker_lost") == 1, "more workers were replaced than killed")
        outcome.expect("Too many open files" not in node.log, "the cameras had too few")
        assert node.stop() == 0
        runs = {name: {item.run for item in recorder.seen[name]} for name in rig.cameras}
        replaced = [name for name, of_camera in runs.items() if len(of_camera) > 1]
        outcome.expect(len(replaced) == 1, f"replaced were {replaced}")
        for name in rig.cameras:
            counted = account_for(recorder.seen[name])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
            outcome.others_lost += 0 if name in replaced else counted.lost
        outcome.expect(not outcome.lost and not outcome.doubled, "lost or doubled messages")
    verify(outcome)
