"""What fails under a worker: an engine, frame by frame or for good, and its sink."""

from __future__ import annotations

import threading

import pytest

from tests.support import engines
from tests.support.engines import ScriptedBackend
from tests.support.scripted_worker import (
    Clock,
    CollectingSink,
    ScriptedSource,
    leased,
    run_through,
    seqs_of,
    worker_on,
)
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import InferenceError
from vision.frames.slot import FrameLease


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_an_error_on_one_frame_ends_nothing(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, counted, and explained by the next message."""
    backend = ScriptedBackend(capacity=2, choose=engines.latest_first)
    setattr(backend, how, lambda number: number == 2)
    turns = [[leased("a", seq, number=seq)] for seq in (1, 2, 3)]
    delivery, skips = run_through(turns, backend)
    assert seqs_of(delivery) == [("a", 1), ("a", 3)]
    assert delivery.skipped == [0, 1]
    assert skips == {("a", "engine_error"): 1}
    assert f"inference.frame_failed camera=a count=1 reason={how} by the script" in caplog.text


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_an_error_is_counted_at_once(how: str) -> None:
    """No later frame is needed for it to be seen."""
    backend = ScriptedBackend()
    setattr(backend, how, lambda _: True)
    _, skips = run_through([[leased("a", 1)]], backend)
    assert skips == {("a", "engine_error"): 1}


def test_a_flood_of_errors_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A broken engine must not fill the disk."""
    turns = [[leased("a", seq)] for seq in range(1, 101)]
    _, skips = run_through(turns, ScriptedBackend(failed=lambda _: True))
    assert skips == {("a", "engine_error"): 100}
    assert caplog.text.count("inference.frame_failed") <= 5


@pytest.mark.parametrize(
    ("stood_s", "turns_s"), [([], 31), ([(5, 9.0)], 31), ([(5, 31.0), (9, 3600.0)], 31)]
)
def test_an_engine_that_does_not_answer_is_given_up_after_half_a_minute(
    stood_s: list[tuple[int, float]], turns_s: int
) -> None:
    """Of time in which this process ran: an engine on its threads stood still with it."""
    clock = Clock()
    held_up_s = dict(stood_s)
    turns = 0

    def pass_time() -> None:
        nonlocal turns
        turns += 1
        clock.now_ns += round((1.0 + held_up_s.get(turns, 0.0)) * 1e9)

    lease = leased("a", 1, mono_ns=1_000_000_000)
    stop = threading.Event()
    source = ScriptedSource([[lease]], stop, pass_time)
    backend = ScriptedBackend(capacity=2, choose=lambda _: [], mono_ns=clock)
    delivery = CollectingSink()
    worker = worker_on(source, backend, delivery, clock=clock)
    source.turns += [[]] * 100
    with pytest.raises(InferenceError, match="not answered for 30 s"):
        worker.run(stop)
    # Each time it stood still counts as a turn of two seconds.
    assert turns_s - len(stood_s) <= turns <= turns_s + 1
    assert lease.released == 1
    assert not delivery.metas


def test_a_worker_goes_on_after_its_sink_failed() -> None:
    """Run again, it releases what was abandoned and still knows what was delivered."""
    stop = threading.Event()
    first = [leased("a", seq) for seq in (1, 2, 3)]
    source = ScriptedSource([[lease] for lease in first], stop)
    backend = ScriptedBackend(capacity=2, choose=engines.latest_first)
    delivery = CollectingSink()

    def fail_once(lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        if lease.frame.meta.seq == 2 and not delivery.records[1:]:
            raise RuntimeError("the sink broke")
        delivery(lease, seen, record)

    worker = worker_on(source, backend, fail_once)
    with pytest.raises(RuntimeError, match="the sink broke"):
        worker.run(stop)
    assert all(lease.released == (0 if [lease] in source.turns else 1) for lease in first)
    stop.clear()
    later = leased("a", 9)
    source.turns = [[later]]
    worker.run(stop)
    assert later.released == 1
    assert delivery.metas[-1].seq == 9
    assert sum(delivery.skipped) + len(delivery.metas) == 9
    assert all(answer.released == 1 for answer in backend.answers)
