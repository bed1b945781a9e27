"""The worker: order, gaps, age, failures, and every lease released once."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import engines, frames
from tests.support.engines import ScriptedBackend
from tests.support.frames import CountedLease
from vision.config.topics import InferenceSettings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import InferenceError
from vision.domain.frame import Frame, FrameMeta
from vision.frames.newest import NewestFrames
from vision.frames.slot import FrameLease, FrameSource, Previous
from vision.inference.postprocess import Selection
from vision.inference.worker import DetectionSink, InferenceWorker

_ALL = Selection(confidence=0.0, iou=0.7, max_detections=10)
_LIMIT_S = 60


@dataclass
class Clock:
    """Both clocks, moved by hand."""

    now_ns: int = 0

    def __call__(self) -> int:
        """The time."""
        return self.now_ns


@dataclass
class ScriptedSource:
    """Gives the prepared leases in turn and sets ``stop`` when there are no more.

    Each element of ``turns`` is what one call may give, at most one frame per camera.
    """

    turns: list[list[CountedLease]]
    stop: threading.Event
    before_take: Callable[[], None] = lambda: None
    limits: list[int] = field(default_factory=list)
    woken: int = 0

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """The next leases."""
        assert limit > 0
        assert timeout_s >= 0
        self.before_take()
        self.limits.append(limit)
        if not self.turns:
            self.stop.set()
            return []
        given: list[FrameLease] = [*self.turns[0][:limit]]
        self.turns[0] = self.turns[0][limit:]
        if not self.turns[0]:
            self.turns.pop(0)
        return given

    def wake(self) -> None:
        """Count it."""
        self.woken += 1


@dataclass
class Delivery:
    """Collects what the worker delivers; every lease must still be held then."""

    metas: list[FrameMeta] = field(default_factory=list)
    seen: list[Detections] = field(default_factory=list)
    records: list[InferenceRecord] = field(default_factory=list)

    def __call__(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        """Take one."""
        assert isinstance(lease, CountedLease)
        assert lease.released == 0
        self.metas.append(lease.frame.meta)
        self.seen.append(seen)
        self.records.append(record)

    @property
    def skipped(self) -> list[int]:
        """Of each delivered frame."""
        return [record.skipped for record in self.records]


class Skips(Counter[tuple[str, str]]):
    """Counts what is skipped."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """Count it."""
        self[camera, reason] += count


def _lease(
    camera: str, seq: int, *, run: int = 1, mono_ns: int = 0, number: int = 100
) -> CountedLease:
    """A frame that arrived at ``mono_ns``, 0 ms after its capture."""
    meta = frames.meta(camera, seq, run=run, mono_ns=mono_ns)
    meta = replace(meta, received_ns=meta.captured_ns)
    return CountedLease(Frame(meta, engines.picture(number)))


def _worker(
    source: FrameSource,
    backend: ScriptedBackend,
    delivery: DetectionSink,
    skips: Skips | None = None,
    clock: Clock | None = None,
    **settings: int,
) -> InferenceWorker:
    clock = clock or Clock()
    return InferenceWorker(
        source,
        backend,
        delivery,
        settings=InferenceSettings(**settings),
        selections={},
        selection_for_all=_ALL,
        on_skipped=Skips() if skips is None else skips,
        mono_ns=clock,
        utc_ns=clock,
    )


def _run(
    turns: Sequence[Sequence[CountedLease]],
    backend: ScriptedBackend,
    clock: Clock | None = None,
    before_take: Callable[[], None] = lambda: None,
    **settings: int,
) -> tuple[Delivery, Skips]:
    """Let a worker work through ``turns``; every lease is released exactly once."""
    stop = threading.Event()
    source = ScriptedSource([list(turn) for turn in turns], stop, before_take)
    delivery, skips = Delivery(), Skips()
    _worker(source, backend, delivery, skips, clock, **settings).run(stop)
    assert [lease.released for turn in turns for lease in turn] == [1] * sum(map(len, turns))
    assert all(answer.released == 1 for answer in backend.answers)
    return delivery, skips


def _seqs(delivery: Delivery) -> list[tuple[str, int]]:
    return [(meta.camera, meta.seq) for meta in delivery.metas]


def test_a_frame_goes_through() -> None:
    """With what was seen in it, when, how long it took and by which model."""
    clock = Clock(5_000_000_000)
    backend = ScriptedBackend(mono_ns=lambda: clock.now_ns + 7_000_000)
    lease = _lease("front", 1, mono_ns=clock.now_ns, number=51)
    delivery, skips = _run([[lease]], backend, clock)
    assert _seqs(delivery) == [("front", 1)]
    (seen,), (record,) = delivery.seen, delivery.records
    assert seen.confidence.tolist() == [pytest.approx(0.2)]
    assert seen.xyxy.tolist() == [[0.375, 0.375, 0.625, 0.625]]
    assert record == InferenceRecord(engines.MODEL, (32, 32), clock.now_ns, 7.0, 0)
    assert not skips


def test_answers_in_the_wrong_order_are_put_right() -> None:
    """Per camera; one camera does not wait for another."""
    backend = ScriptedBackend(capacity=3, choose=engines.latest_first)
    turns = [[_lease("a", 1), _lease("b", 1)], [_lease("a", 2)]]
    delivery, _ = _run(turns, backend)
    assert [seq for camera, seq in _seqs(delivery) if camera == "a"] == [1, 2]
    assert _seqs(delivery)[0] == ("b", 1)


def test_each_frame_gets_its_own_result() -> None:
    """Also when answers come out of order and the engine's memory is used again."""
    backend = ScriptedBackend(capacity=4, choose=engines.at_random(3))
    turns = [[_lease("a", seq, number=seq)] for seq in range(1, 51)]
    delivery, _ = _run(turns, backend)
    assert [round(float(seen.confidence[0]) * 255) for seen in delivery.seen] == [*range(1, 51)]


def test_what_the_engine_takes_is_told_and_what_it_refuses_is_not() -> None:
    """Each request with its frames and the moment."""
    stop, clock = threading.Event(), Clock(7)
    leases = [_lease(camera, 1, number=number) for camera, number in (("a", 1), ("b", 2), ("c", 3))]
    source = ScriptedSource([leases], stop)
    backend = ScriptedBackend(max_batch=2, refused=lambda number: number == 3)
    told: list[tuple[list[str], int]] = []
    InferenceWorker(
        source,
        backend,
        Delivery(),
        settings=InferenceSettings(max_batch=2),
        selections={},
        selection_for_all=_ALL,
        on_skipped=Skips(),
        on_submitted=lambda batch, now_ns: told.append(([meta.camera for meta in batch], now_ns)),
        mono_ns=clock,
        utc_ns=clock,
    ).run(stop)
    assert told == [(["a", "b"], 7)]


def test_gaps_are_told_as_skipped() -> None:
    """From the first frame of a run on, and anew in a new run."""
    turns = [
        [_lease("a", 1)],
        [_lease("a", 2)],
        [_lease("a", 6)],
        [_lease("b", 4)],
        [_lease("a", 3, run=2)],
        [_lease("a", 4, run=2)],
    ]
    delivery, skips = _run(turns, ScriptedBackend())
    assert delivery.skipped == [0, 0, 3, 3, 2, 0]
    assert not skips


def test_a_slot_with_several_readers_knows_the_gaps() -> None:
    """Another worker told of what this one passed over: it is not told as skipped again."""
    turns = [[_lease("a", 7)], [_lease("a", 9)]]
    turns[0][0].previous = Previous(seq=5, is_empty=True)
    turns[1][0].previous = Previous(seq=8, is_empty=True)
    delivery, _ = _run(turns, ScriptedBackend())
    assert delivery.skipped == [1, 0]


def test_what_is_too_old_is_skipped() -> None:
    """Counted, and told by the next message of the camera."""
    clock = Clock(2_000_000_000)
    turns = [
        [_lease("a", 1, mono_ns=999_999_999)],
        [_lease("a", 2, mono_ns=1_000_000_000)],
    ]
    delivery, skips = _run(turns, ScriptedBackend(), clock, max_staleness_ms=1000)
    assert _seqs(delivery) == [("a", 2)]
    assert delivery.skipped == [1]
    assert skips == {("a", "stale"): 1}


def test_time_before_arrival_counts_too() -> None:
    """A frame that took long to arrive is as old as one that waited here."""
    lease = _lease("a", 1)
    meta = replace(lease.frame.meta, received_ns=lease.frame.meta.captured_ns + 1_500_000_000)
    late = CountedLease(Frame(meta, lease.frame.image))
    _, skips = _run([[late]], ScriptedBackend(), max_staleness_ms=1000)
    assert skips == {("a", "stale"): 1}


def test_a_frame_that_comes_again_is_skipped() -> None:
    """Message ids must rise: a repeated or older frame is never delivered."""
    turns = [
        [_lease("a", 5)],
        [_lease("a", 5)],
        [_lease("a", 4)],
        [_lease("a", 1, run=2)],
        [_lease("a", 6)],
    ]
    delivery, skips = _run(turns, ScriptedBackend())
    assert [(meta.run, meta.seq) for meta in delivery.metas] == [(1, 5), (2, 1)]
    assert skips == {("a", "repeated"): 3}


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_an_error_on_one_frame_ends_nothing(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, counted, and explained by the next message."""
    backend = ScriptedBackend(capacity=2, choose=engines.latest_first)
    setattr(backend, how, lambda number: number == 2)
    turns = [[_lease("a", seq, number=seq)] for seq in (1, 2, 3)]
    delivery, skips = _run(turns, backend)
    assert _seqs(delivery) == [("a", 1), ("a", 3)]
    assert delivery.skipped == [0, 1]
    assert skips == {("a", "engine_error"): 1}
    assert f"inference.frame_failed camera=a count=1 reason={how} by the script" in caplog.text


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_an_error_is_counted_at_once(how: str) -> None:
    """No later frame is needed for it to be seen."""
    backend = ScriptedBackend()
    setattr(backend, how, lambda _: True)
    _, skips = _run([[_lease("a", 1)]], backend)
    assert skips == {("a", "engine_error"): 1}


def test_a_flood_of_errors_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A broken engine must not fill the disk."""
    turns = [[_lease("a", seq)] for seq in range(1, 101)]
    _, skips = _run(turns, ScriptedBackend(failed=lambda _: True))
    assert skips == {("a", "engine_error"): 100}
    assert caplog.text.count("inference.frame_failed") <= 5


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
        turns.append([_lease(camera, seq, run=run, number=number)])
    backend = ScriptedBackend(
        capacity, max_batch, choose=engines.at_random(seed), failed=lambda number: number % 7 == 1
    )
    delivery, skips = _run(turns, backend, max_batch=max_batch)
    assert len(delivery.metas) + skips.total() == len(plan)
    last: dict[str, tuple[int, int]] = {}
    for meta, record in zip(delivery.metas, delivery.records, strict=True):
        run, seq = last.get(meta.camera, (0, 0))
        assert (meta.run, meta.seq) > (run, seq)
        assert meta.seq == record.skipped + 1 + (seq if meta.run == run else 0)
        last[meta.camera] = (meta.run, meta.seq)


def test_the_engine_is_never_given_more_than_it_has_room_for() -> None:
    """And no more leases are held than twice that, however long one answer takes."""
    backend = ScriptedBackend(capacity=2)
    held_back = iter(range(20))

    def all_but_the_first(tickets: list[int]) -> list[int]:
        return tickets if next(held_back, None) is None else [item for item in tickets if item > 1]

    backend.choose = all_but_the_first
    leases = [_lease("a", seq) for seq in range(1, 30)]
    most = 0

    def count_held() -> None:
        nonlocal most
        most = max(most, len(backend.batches) - sum(lease.released for lease in leases))

    delivery, _ = _run([[lease] for lease in leases], backend, before_take=count_held)
    assert most <= 4
    assert [meta.seq for meta in delivery.metas] == [*range(1, 30)]


def test_a_batch_is_filled_while_there_is_time() -> None:
    """Where batches help; without frames to add, it goes as it is."""
    clock = Clock()

    def pass_time() -> None:
        clock.now_ns += 1_000_000

    backend = ScriptedBackend(capacity=1, max_batch=4)
    turns = [[_lease("a", 1, number=1)], [_lease("b", 1, number=2)], [_lease("c", 1, number=3)]]
    _run(turns, backend, clock, pass_time, max_batch=3, max_wait_ms=10)
    assert backend.batches == [[1, 2, 3]]


def test_a_batch_does_not_wait_past_its_time() -> None:
    """It goes with what it has by then."""
    clock = Clock()

    def pass_time() -> None:
        clock.now_ns += 6_000_000

    backend = ScriptedBackend(capacity=1, max_batch=8)
    turns = [[_lease(camera, 1, number=ord(camera))] for camera in "abcdef"]
    _run(turns, backend, clock, pass_time, max_wait_ms=10)
    assert [len(batch) for batch in backend.batches] == [3, 3]


def test_a_silent_engine_is_an_error() -> None:
    """The supervisor starts anew; the leases are free and nothing is delivered."""
    clock = Clock()

    def pass_time() -> None:
        clock.now_ns += 10_000_000_000

    lease = _lease("a", 1, mono_ns=10_000_000_000)
    stop = threading.Event()
    source = ScriptedSource([[lease]], stop, pass_time)
    backend = ScriptedBackend(capacity=2, choose=lambda _: [], mono_ns=clock)
    delivery = Delivery()
    worker = _worker(source, backend, delivery, clock=clock)
    source.turns += [[]] * 10
    with pytest.raises(InferenceError, match="not answered for 30 s"):
        worker.run(stop)
    assert lease.released == 1
    assert not delivery.metas


def test_a_worker_goes_on_after_its_sink_failed() -> None:
    """Run again, it releases what was abandoned and still knows what was delivered."""
    stop = threading.Event()
    first = [_lease("a", seq) for seq in (1, 2, 3)]
    source = ScriptedSource([[lease] for lease in first], stop)
    backend = ScriptedBackend(capacity=2, choose=engines.latest_first)
    delivery = Delivery()

    def fail_once(lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        if lease.frame.meta.seq == 2 and not delivery.records[1:]:
            raise RuntimeError("the sink broke")
        delivery(lease, seen, record)

    worker = _worker(source, backend, fail_once)
    with pytest.raises(RuntimeError, match="the sink broke"):
        worker.run(stop)
    assert all(lease.released == (0 if [lease] in source.turns else 1) for lease in first)
    stop.clear()
    later = _lease("a", 9)
    source.turns = [[later]]
    worker.run(stop)
    assert later.released == 1
    assert delivery.metas[-1].seq == 9
    assert sum(delivery.skipped) + len(delivery.metas) == 9
    assert all(answer.released == 1 for answer in backend.answers)


def test_each_camera_has_its_own_selection() -> None:
    """A confidence of its own, and one for all others."""
    stop = threading.Event()
    source = ScriptedSource([[_lease("a", 1, number=100), _lease("b", 1, number=100)]], stop)
    delivery = Delivery()
    InferenceWorker(
        source,
        ScriptedBackend(capacity=2),
        delivery,
        settings=InferenceSettings(),
        selections={"a": replace(_ALL, confidence=0.9)},
        selection_for_all=_ALL,
        on_skipped=Skips(),
        mono_ns=Clock(),
    ).run(stop)
    counts = {
        meta.camera: len(seen) for meta, seen in zip(delivery.metas, delivery.seen, strict=True)
    }
    assert counts == {"a": 0, "b": 1}


def test_a_waiting_worker_is_woken_to_stop() -> None:
    """Without a frame in sight, in a thread as in the node."""
    newest = NewestFrames(Skips())
    worker = _worker(newest, ScriptedBackend(), Delivery())
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
    leases = [_lease(camera, 1) for camera in "ab"]
    source = ScriptedSource([leases], stop, before_take=stop.set)
    delivery = Delivery()
    _worker(source, ScriptedBackend(capacity=2, choose=engines.latest_first), delivery).run(stop)
    assert [lease.released for lease in leases] == [1, 1]
    assert sorted(_seqs(delivery)) == [("a", 1), ("b", 1)]
