"""A worker is given time for as long as it gets on, and no longer."""

from __future__ import annotations

import os

from vision.runtime.cameras.supervisor import startup_timeout_s
from vision.runtime.ingest.memory import processor_s


class StartingWorker:
    """Says its first word after so many rounds, and uses so much of the processor in each."""

    def __init__(self, rounds: int, used_s: list[float]) -> None:
        self._rounds = rounds
        self._used_s = used_s
        self._total_s = 0.0

    def poll(self, _: float) -> bool:
        """A round goes by."""
        if self._rounds == 0:
            return True
        self._rounds -= 1
        self._total_s += self._used_s.pop(0) if self._used_s else 0.0
        return False

    def processor_s(self) -> float:
        """All it used."""
        return self._total_s

    def silence_s(self) -> float:
        """As its supervisor sees it."""
        return startup_timeout_s(self.poll, self.processor_s)


def test_one_that_speaks_is_born() -> None:
    """At once, or after minutes on a machine that has no time for it."""
    assert StartingWorker(0, []).silence_s() == 0
    assert StartingWorker(4, [0.2, 0.1, 0.3, 0.1]).silence_s() == 0


def test_one_that_does_nothing_is_given_up() -> None:
    """After a round in which it used no processor."""
    assert StartingWorker(99, []).silence_s() == 30
    assert StartingWorker(99, [0.5, 0.5, 0.0]).silence_s() == 90


def test_one_that_computes_for_ever_is_given_up_too() -> None:
    """In the end."""
    assert StartingWorker(99, [30.0] * 99).silence_s() == 300


def test_the_processor_time_of_a_process() -> None:
    """Of one that is gone it is none."""
    assert (processor_s(os.getpid()) or 0.0) > 0
    assert processor_s(2**22 + 1) == 0


def test_one_that_nobody_can_look_at_is_not_given_up_for_it() -> None:
    """This process may have no descriptor left to look with; it is waited for to the end."""
    born = StartingWorker(4, [])
    assert startup_timeout_s(born.poll, lambda: None) == 0
    assert startup_timeout_s(StartingWorker(99, []).poll, lambda: None) == 300
