"""Whoever mends a secret file does not wait for a slow retry to be due."""

from __future__ import annotations

from collections.abc import Callable

from vision.runtime.ingest.process import RetryWait


class Harness:
    """Secret files that change at given seconds, and a clock that only waiting moves."""

    def __init__(self, *changes_s: float, stop_s: float = 1e9) -> None:
        self.now_s = 0.0
        self.looks = 0
        self._changes_s, self._stop_s = changes_s, stop_s

    def stamp(self) -> int:
        """How often the files have changed so far."""
        self.looks += 1
        return sum(self.now_s >= change_s for change_s in self._changes_s)

    def wait(self, seconds: float) -> bool:
        """Let the time pass."""
        self.now_s = min(self.now_s + seconds, self._stop_s)
        return self.now_s >= self._stop_s


def waited(bench: Harness, delay_s: float, attempt: Callable[[], None] = lambda: None) -> bool:
    """Wait after an attempt."""
    waiting = RetryWait(bench.stamp, bench.wait)
    attempt()
    return waiting.wait(delay_s)


def test_without_a_change_the_whole_delay_passes() -> None:
    """To the second, and with a look each second."""
    bench = Harness()
    assert not waited(bench, 60.5)
    assert bench.now_s == 60.5
    assert bench.looks <= 63


def test_a_changed_file_ends_the_wait_within_seconds() -> None:
    """Out of five minutes."""
    bench = Harness(20)
    assert waited(bench, 300)
    assert 20 < bench.now_s <= 22


def test_two_files_that_change_one_after_the_other_are_one_change() -> None:
    """Or a new user name would be tried with the old password, and count as a wrong one."""
    bench = Harness(20, 20.9)
    assert waited(bench, 300)
    assert 20.9 < bench.now_s <= 23


def test_a_change_during_the_attempt_counts() -> None:
    """It may have been read before."""
    bench = Harness(3)

    def attempt() -> None:
        bench.now_s = 5

    assert waited(bench, 300, attempt)
    assert bench.now_s <= 7


def test_the_end_ends_it_at_once() -> None:
    """Shutdown is not kept waiting by a retry."""
    bench = Harness(stop_s=4.2)
    assert not waited(bench, 300)
    assert bench.now_s == 4.2
