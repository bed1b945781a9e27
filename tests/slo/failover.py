"""How long nothing comes after something of the service was killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.record import let_pass
from tests.slo.fault_deck import Undo
from tests.slo.result import Figure, within
from tests.slo.service import Service, running_service

LIMIT_S = 3.0
_CAMERAS, _FPS = 2, 5.0
# Long enough for whatever was killed to be as it was before.
_PAUSE_S = 2.0


def of_redis(folder: Path, runs: int) -> list[Figure]:
    """The server that leads, ``runs`` times, until all cameras have a message of a later frame."""
    with running_service(folder, cameras=_CAMERAS, fps=_FPS, workers=2) as service:

        def kill() -> Undo:
            return service.kill_primary().restart

        took_s = _took_s(service, runs, [*service.cameras], kill)
    return [within("failover: the Redis that leads is killed", took_s, LIMIT_S)]


def of_processes(folder: Path, runs: int) -> list[Figure]:
    """Each kind ``runs`` times, until all cameras concerned have a message of a later frame."""
    with running_service(folder / "two", cameras=_CAMERAS, fps=_FPS, workers=2) as service:
        every = [*service.cameras]
        first = every[0]

        def took(cameras: Sequence[str], kill: Callable[[], Undo | None]) -> list[float]:
            return _took_s(service, runs, cameras, kill)

        figures = [
            within(
                "failover: the process that captures is killed",
                took([first], lambda: service.signal_worker(first, signal.SIGKILL)),
                LIMIT_S,
            ),
            within(
                "failover: an ingest role is killed",
                took([first], service.ingests[first].kill),
                LIMIT_S,
            ),
            within(
                "failover: one of two inference workers is killed",
                took(every, service.workers[0].kill),
                LIMIT_S,
            ),
        ]
    with running_service(folder / "one", cameras=_CAMERAS, fps=_FPS, workers=1) as alone:
        took_s = _took_s(alone, runs, [*alone.cameras], alone.workers[0].kill)
        figures.append(within("failover: the only inference worker is killed", took_s, LIMIT_S))
    return figures


def _took_s(
    service: Service, runs: int, cameras: Sequence[str], kill: Callable[[], Undo | None]
) -> list[float]:
    took_s = []
    for _ in range(runs):
        service.wait_until_it_can_fail_over()
        let_pass(_PAUSE_S)
        killed_s = time.monotonic()
        undo = kill()
        took_s.append(service.back_after_s(killed_s, cameras))
        if undo is not None:
            undo()
    return took_s
