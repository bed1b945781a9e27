"""The faults of the soak: which, how often, and what of them is the camera's own doing."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tests.slo.service import Service

Undo: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind.

    Attributes:
        what: A phrase.
        times: How many there are in a deck.
        do: Does it to a camera or to what serves it; what it returns undoes it.
        lasts_s: Until it is undone.
        is_the_cameras: The camera sends nothing meanwhile, whoever looks.
    """

    what: str
    times: int
    do: Callable[[Service, str], Undo]
    lasts_s: float = 0.0
    is_the_cameras: bool = False


def _nothing() -> None:
    """It is undone by the service itself."""


def _kill_worker(service: Service, camera: str) -> Undo:
    service.signal_worker(camera, signal.SIGKILL)
    return _nothing


def _stop_worker(service: Service, camera: str) -> Undo:
    service.signal_worker(camera, signal.SIGSTOP)
    return _nothing


def _kill_ingest(service: Service, camera: str) -> Undo:
    service.ingests[camera].kill()
    return _nothing


def _kill_inference(service: Service, camera: str) -> Undo:
    # Whichever: each takes frames of all cameras.
    names = [*service.cameras]
    service.workers[names.index(camera) % len(service.workers)].kill()
    return _nothing


def _kill_primary(service: Service, _: str) -> Undo:
    service.wait_until_it_can_fail_over()
    return service.kill_primary().restart


def _cut(service: Service, camera: str) -> Undo:
    service.cameras[camera].tell(f"{camera} cut")
    return _nothing


def _kill_camera(service: Service, camera: str) -> Undo:
    service.cameras[camera].kill()
    return service.cameras[camera].start


def _stall(service: Service, camera: str) -> Undo:
    service.cameras[camera].tell(f"{camera} stall=on")
    return lambda: service.cameras[camera].tell(f"{camera} stall=off")


def _lose_packets(service: Service, camera: str) -> Undo:
    service.cameras[camera].tell(f"{camera} seed=1 loss=0.1")
    return lambda: service.cameras[camera].tell(f"{camera} loss=0")


DECK = (
    Fault("kill -9 of a capturing process", 5, _kill_worker),
    Fault("SIGSTOP of a capturing process", 3, _stop_worker),
    Fault("kill -9 of an ingest role, started again after 0.1 s", 5, _kill_ingest),
    Fault("kill -9 of one of two inference workers, started again", 6, _kill_inference),
    Fault("kill -9 of the Redis that leads, back after 5 s", 1, _kill_primary, 5.0),
    Fault("a camera cuts its connection", 4, _cut),
    Fault("10 % of a camera's packets are lost for 5 s", 1, _lose_packets, 5.0),
    Fault("kill -9 of a camera, back after 2 s", 3, _kill_camera, 2.0, is_the_cameras=True),
    Fault("a camera sends nothing for 3 s", 2, _stall, 3.0, is_the_cameras=True),
)
DECK_SIZE = sum(fault.times for fault in DECK)


def shuffled(chance: random.Random) -> Iterator[Fault]:
    """Faults without end: all of a deck, and then another one."""

    def deck() -> list[Fault]:
        cards = [fault for fault in DECK for _ in range(fault.times)]
        return chance.sample(cards, len(cards))

    return itertools.chain.from_iterable(deck() for _ in itertools.count())
