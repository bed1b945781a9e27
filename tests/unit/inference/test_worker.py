"""The worker: order, gaps, age, and every lease released once."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import engines
from tests.support.engines import ScriptedBackend
from tests.support.frames import CountedLease
from tests.support.scripted_worker import (
    ALL,
    Clock,
    CollectingSink,
    ScriptedSource,
    SkipCounter,
    leased,
    run_through,
    seqs_of,
    worker_on,
)
from vision.config.core import InferenceSettings
from vision.domain.detections import InferenceRecord
from vision.domain.frame import Frame
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.slot import Previous
from vision.inference.worker import InferenceWorker

_LIMIT_S = 60


def test_a_frame_goes_through() -> None:
    """With what was seen in it, when, how long it took and by which model."""
    clock = Clock(5_000_000_000)
    backend = ScriptedBackend(mono_ns=lambda: clock.now_ns + 7_000_000)
    lease = leased("front", 1, mono_ns=clock.now_ns, number=51)
    delivery, skips = run_through([[lease]], backend, clock)
    assert seqs_of(delivery) == [("front", 1)]
    (seen,), (record,) = delivery.seen, delivery.records
    assert seen.confidence.tolist() == [pytest.approx(0.2)]
    assert seen.xyxy.tolist() == [[0.375, 0.375, 0.625, 0.625]]
    assert record == InferenceRecord(engines.MODEL, (32, 32), clock.now_ns, 7.0, 0)
    assert not skips


def test_answers_in_the_wrong_order_are_put_right() -> None:
    """Per camera; one camera does not wait for another."""
    backend = ScriptedBackend(capacity=3, choose=engines.latest_first)
    turns = [[leased("a", 1), leased("b", 1)], [leased("a", 2)]]
    delivery, _ = run_through(turns, backend)
    assert [seq for camera, seq in seqs_of(delivery) if camera == "a"] == [1, 2]
    assert seqs_of(delivery)[0] == ("b", 1)


def test_each_frame_gets_its_own_result() -> None:
    """Also when answers come out of order and the engine's memory is used again."""
    backend = ScriptedBackend(capacity=4, choose=engines.at_random(3))
    turns = [[leased("a", seq, number=seq)] for seq in range(1, 51)]
    delivery, _ = run_through(turns, backend)
    assert [round(float(seen.confidence[0]) * 255) for seen in delivery.seen] == [*range(1, 51)]


def test_what_the_engine_takes_is_told_and_what_it_refuses_is_not() -> None:
    """Each request with its frames and the moment."""
    stop, clock = threading.Event(), Clock(7)
    leases = [leased(camera, 1, number=number) for camera, number in (("a", 1), ("b", 2), ("c", 3))]
    source = ScriptedSource([leases], stop)
    backend = ScriptedBackend(max_batch=2, refused=lambda number: number == 3)
    told: list[tuple[list[str], int]] = []
    InferenceWorker(
        source,
        backend,
        CollectingSink(),
        settings=InferenceSettings(max_batch=2),
        detection_filters={},
        detection_filter_for_all=ALL,
        on_skipped=SkipCounter(),
        on_submitted=lambda batch, now_ns: told.append(([meta.camera for meta in batch], now_ns)),
        mono_ns=clock,
        utc_ns=clock,
    ).run(stop)
    assert told == [(["a", "b"], 7)]


def test_gaps_are_told_as_skipped() -> None:
    """From the first frame of a run on, and anew in a new run."""
    turns = [
        [leased("a", 1)],
        [leased("a", 2)],
        [leased("a", 6)],
        [leased("b", 4)],
        [leased("a", 3, run=2)],
        [leased("a", 4, run=2)],
    ]
    delivery, skips = run_through(turns, ScriptedBackend())
    assert delivery.skipped == [0, 0, 3, 3, 2, 0]
    assert not skips


def test_a_slot_with_several_readers_knows_the_gaps() -> None:
    """Another worker told of what this one passed over: it is not told as skipped again."""
    turns = [[leased("a", 7)], [leased("a", 9)]]
    turns[0][0].previous = Previous(seq=5, is_empty=True)
    turns[1][0].previous = Previous(seq=8, is_empty=True)
    delivery, _ = run_through(turns, ScriptedBackend())
    assert delivery.skipped == [1, 0]


def test_what_is_too_old_is_skipped() -> None:
    """Counted, and told by the next message of the camera."""
    clock = Clock(2_000_000_000)
    turns = [
        [leased("a", 1, mono_ns=999_999_999)],
        [leased("a", 2, mono_ns=1_000_000_000)],
    ]
    delivery, skips = run_through(turns, ScriptedBackend(), clock, max_staleness_ms=1000)
    assert seqs_of(delivery) == [("a", 2)]
    assert delivery.skipped == [1]
    assert skips == {("a", "stale"): 1}


def test_time_before_arrival_counts_too() -> None:
    """A frame that took long to arrive is as old as one that waited here."""
    lease = leased("a", 1)
    meta = replace(lease.frame.meta, received_ns=lease.frame.meta.captured_ns + 1_500_000_000)
    late = CountedLease(Frame(meta, lease.frame.image))
    _, skips = run_through([[late]], ScriptedBackend(), max_staleness_ms=1000)
    assert skips == {("a", "stale"): 1}


def test_a_frame_that_comes_again_is_skipped() -> None:
    """Message ids must rise: a repeated or older frame is never delivered."""
    turns = [
        [leased("a", 5)],
        [leased("a", 5)],
        [leased("a", 4)],
        [leased("a", 1, run=2)],
        [leased("a", 6)],
    ]
    delivery, skips = run_through(turns, ScriptedBackend())
    assert [(meta.run, meta.seq) for meta in delivery.metas] == [(1, 5), (2, 1)]
    assert skips == {("a", "repeated"): 3}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.booleans(), st.integers(0, 255)),
        max_size=40,
    ),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2**16),
)
def test_nothing_is_lost_doubled_or_disordered(
    plan: list[tuple[str, int, bool, int]], capacity: int, max_batch: int, seed: int
) -> None:
    """Whatever the gaps, runs, batches, failures and order of answers."""
    counters: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (1, 0))
    turns = []
    for camera, step, new_run, number in plan:
        run, seq = counters[camera]
        counters[camera] = (run + 1, step) if new_run else (run, seq + step)
        run, seq = counters[camera]
        turns.append([leased(camera, seq, run=run, number=number)])
    backend = ScriptedBackend(
        capacity, max_batch, choose=engines.at_random(seed), failed=lambda number: number % 7 == 1
    )
    delivery, skips = run_through(turns, backend, max_batch=max_batch)
    assert len(delivery.metas) + skips.total() == len(plan)
    last: dict[str, tuple[int, int]] = {}
    for meta, record in zip(delivery.metas, delivery.records, strict=True):
        run, seq = last.get(meta.camera, (0, 0))
        assert (meta.run, meta.seq) > (run, seq)
        assert meta.seq == record.skipped + 1 + (seq if meta.run == run else 0)
        last[meta.camera] = (meta.run, meta.seq)


def test_each_camera_has_its_own_selection() -> None:
    """A confidence of its own, and one for all others."""
    stop = threading.Event()
    source = ScriptedSource([[leased("a", 1, number=100), leased("b", 1, number=100)]], stop)
    delivery = CollectingSink()
    InferenceWorker(
        source,
        ScriptedBackend(capacity=2),
        delivery,
        settings=InferenceSettings(),
        detection_filters={"a": replace(ALL, confidence=0.9)},
        detection_filter_for_all=ALL,
        on_skipped=SkipCounter(),
        mono_ns=Clock(),
    ).run(stop)
    counts = {
        meta.camera: len(seen) for meta, seen in zip(delivery.metas, delivery.seen, strict=True)
    }
    assert counts == {"a": 0, "b": 1}


def test_a_waiting_worker_is_woken_to_stop() -> None:
    """Without a frame in sight, in a thread as in the node."""
    newest = LatestFrames(SkipCounter())
    worker = worker_on(newest, ScriptedBackend(), CollectingSink())
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    stop.set()
    worker.wake()
    thread.join(_LIMIT_S)
    assert not thread.is_alive()


def test_what_is_under_way_is_delivered_before_the_end() -> None:
    """Stopping loses nothing that the engine already has."""
    stop = threading.Event()
    leases = [leased(camera, 1) for camera in "ab"]
    source = ScriptedSource([leases], stop, before_take=stop.set)
    delivery = CollectingSink()
    worker_on(source, ScriptedBackend(capacity=2, choose=engines.latest_first), delivery).run(stop)
    assert [lease.released for lease in leases] == [1, 1]
    assert sorted(seqs_of(delivery)) == [("a", 1), ("b", 1)]
