"""The outbox: bounded, in order, exact in what it drops."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from vision.domain.losses import DropReason
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.outbox import Entry, Outbox

_FRONT = StreamKey(Kind.DETECTIONS, "front")
_YARD = StreamKey(Kind.DETECTIONS, "yard")
_STREAMS = st.sampled_from([_FRONT, _YARD])
_PLENTY = 10_000
_HOLD_S = 10.0


class _Clock:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class _Harness:
    """An outbox with its clock and the drops it reported."""

    def __init__(self, limit: int) -> None:
        self.clock = _Clock()
        self.drops = Counter[tuple[StreamKey, DropReason]]()
        self.outbox = Outbox(limit, self._on_drop, self.clock)

    def _on_drop(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        self.drops[stream, reason] += messages

    def put(self, seq: int, stream: StreamKey = _FRONT, *, run: str = "1", size: int = 1) -> None:
        """Messages come in."""
        self.outbox.put(Entry(stream, f"{run}-{seq}", b"x" * size, self.clock(), run=run))

    def take(self, messages: int = _PLENTY, size: int = _PLENTY) -> list[Entry]:
        return self.outbox.take(messages, size)


def _ids(entries: list[Entry]) -> list[str]:
    return [entry.stream_id for entry in entries]


def test_comes_out_in_the_order_it_went_in() -> None:
    """Messages of a stream are taken in the order they were put."""
    bench = _Harness(limit=10)
    for seq in range(1, 6):
        bench.put(seq)
    assert _ids(bench.take(2)) == ["1-1", "1-2"]
    assert _ids(bench.take()) == ["1-3", "1-4", "1-5"]
    assert len(bench.outbox) == 0


def test_drops_the_oldest_beyond_the_bound_and_says_so() -> None:
    """A full stream loses its oldest messages; another camera's are untouched."""
    bench = _Harness(limit=3)
    bench.put(1, _YARD)
    for seq in range(1, 8):
        bench.put(seq)
    assert bench.drops == {(_FRONT, DropReason.OVERFLOW): 4}
    taken = bench.take()
    assert _ids([entry for entry in taken if entry.stream == _FRONT]) == ["1-5", "1-6", "1-7"]
    assert _ids([entry for entry in taken if entry.stream == _YARD]) == ["1-1"]


def test_the_next_message_accounts_for_dropped_ones_of_its_run() -> None:
    """Four frames gone are four frames to explain, but not over a restart of the camera."""
    bench = _Harness(limit=2)
    for seq in range(1, 7):
        bench.put(seq)
    assert [entry.lost_before for entry in bench.take()] == [4, 0]
    bench.put(7)
    bench.put(1, run="2")
    bench.put(2, run="2")
    assert [(entry.run, entry.lost_before) for entry in bench.take()] == [("2", 0), ("2", 0)]


def test_the_bytes_that_wait_are_those_of_what_waits() -> None:
    """Over everything that puts in, takes out, drops and gives back."""
    bench = _Harness(limit=2)
    for seq in (1, 2, 3):
        bench.put(seq, size=10 * seq)
    bench.put(1, _YARD, size=7)
    assert bench.outbox.payload_bytes == 20 + 30 + 7
    taken = bench.take(2)
    assert bench.outbox.payload_bytes == 57 - sum(len(entry.payload) for entry in taken)
    for entry in taken:
        bench.outbox.give_back(entry.stream, [entry], _HOLD_S)
    assert bench.outbox.payload_bytes == 57
    bench.outbox.close()
    assert bench.outbox.payload_bytes == 0


def test_every_stream_gets_its_share_of_a_batch() -> None:
    """A camera with a long backlog does not keep the others waiting."""
    bench = _Harness(limit=1000)
    for seq in range(1, 501):
        bench.put(seq)
    bench.put(1, _YARD)
    assert _YARD in {entry.stream for entry in bench.take(10)}


def test_streams_take_turns_when_a_batch_is_small() -> None:
    """With room for one message only, both streams move on."""
    bench = _Harness(limit=10)
    for seq in range(1, 4):
        bench.put(seq, _FRONT)
        bench.put(seq, _YARD)
    taken = [bench.take(1)[0].stream for _ in range(4)]
    assert Counter(taken) == {_FRONT: 2, _YARD: 2}


def test_a_batch_is_bounded_in_bytes_but_never_empty() -> None:
    """A message longer than a batch travels alone."""
    bench = _Harness(limit=10)
    for seq, size in enumerate([500, 40, 40, 40], start=1):
        bench.put(seq, size=size)
    assert _ids(bench.take(size=100)) == ["1-1"]
    assert _ids(bench.take(size=100)) == ["1-2", "1-3"]


def test_a_refused_head_is_tried_alone_after_its_time() -> None:
    """Nothing overtakes a refused message, or its stream would be closed to it."""
    bench = _Harness(limit=10)
    for seq in range(1, 4):
        bench.put(seq)
    bench.put(1, _YARD)
    taken = bench.take()
    refused = [entry for entry in taken if entry.stream == _FRONT]
    bench.outbox.give_back(_FRONT, refused, _HOLD_S)
    bench.put(4)
    assert bench.take() == []
    bench.clock.now_s += _HOLD_S
    assert _ids(bench.take()) == ["1-1"]
    assert _ids(bench.take()) == ["1-2"]
    bench.outbox.release(_FRONT)
    assert _ids(bench.take()) == ["1-3", "1-4"]


def test_a_closed_outbox_takes_nothing_and_counts_it() -> None:
    """What comes after the end is reported, not silently kept."""
    bench = _Harness(limit=10)
    bench.put(1)
    assert _ids(bench.outbox.close()) == ["1-1"]
    bench.put(2)
    assert len(bench.outbox) == 0
    assert bench.drops == {(_FRONT, DropReason.SHUTDOWN): 1}


@pytest.mark.parametrize("wakes", ["put", "wake"])
def test_a_waiting_consumer_is_woken(wakes: str) -> None:
    """The consumer sleeps until there is something to do, however long its timeout."""
    outbox = Outbox(10, lambda *_: None)
    woken = threading.Event()

    def consume() -> None:
        outbox.wait(3600)
        woken.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    if wakes == "put":
        outbox.put(Entry(_FRONT, "1-1", b"x", 0.0))
    else:
        outbox.wake()
    assert woken.wait(30)
    consumer.join()


def test_waiting_ends_when_a_held_stream_is_due() -> None:
    """A held stream is tried again without anybody putting something."""
    outbox = Outbox(10, lambda *_: None)
    outbox.give_back(_FRONT, [Entry(_FRONT, "1-1", b"x", 0.0)], hold_s=0.01)
    outbox.wait(3600)
    assert len(outbox.take(1, 1)) == 1


class OutboxHistory(RuleBasedStateMachine):
    """Any history of an outbox: nothing is lost unseen or out of order."""

    @initialize(limit=st.integers(1, 5))
    def start(self, limit: int) -> None:
        """A new outbox."""
        self.limit = limit
        self.bench = _Harness(limit)
        self.put_count = Counter[StreamKey]()
        self.sent_count = Counter[StreamKey]()
        self.last_sent = Counter[StreamKey]()

    @rule(stream=_STREAMS, messages=st.integers(1, 6))
    def put(self, stream: StreamKey, messages: int) -> None:
        """Messages come in."""
        for _ in range(messages):
            self.put_count[stream] += 1
            self.bench.put(self.put_count[stream], stream)

    @rule(messages=st.integers(1, 6))
    def send(self, messages: int) -> None:
        """A batch goes out."""
        self._send(self.bench.take(messages))

    @rule(messages=st.integers(1, 6), refused=_STREAMS)
    def send_with_one_stream_refused(self, messages: int, refused: StreamKey) -> None:
        """A batch goes out and Redis refuses one stream of it."""
        taken = self.bench.take(messages)
        self._send([entry for entry in taken if entry.stream != refused])
        if back := [entry for entry in taken if entry.stream == refused]:
            self.bench.outbox.give_back(refused, back, _HOLD_S)

    @rule(stream=_STREAMS)
    def release(self, stream: StreamKey) -> None:
        """A stream is taken again."""
        self.bench.outbox.release(stream)

    @rule(share=st.floats(0.1, 1))
    def advance(self, share: float) -> None:
        """Time passes."""
        self.bench.clock.now_s += share * _HOLD_S

    def _send(self, entries: list[Entry]) -> None:
        for entry in entries:
            seq = int(entry.stream_id.removeprefix("1-"))
            assert seq == self.last_sent[entry.stream] + 1 + entry.lost_before
            self.last_sent[entry.stream] = seq
            self.sent_count[entry.stream] += 1

    @invariant()
    def accounts_for_every_message(self) -> None:
        """The bound holds and the sum is right."""
        waiting = {stream: self.bench.outbox.backlog(stream) for stream in (_FRONT, _YARD)}
        assert len(self.bench.outbox) == sum(waiting.values())
        for stream, messages in waiting.items():
            dropped = self.bench.drops[stream, DropReason.OVERFLOW]
            assert messages <= self.limit
            assert self.put_count[stream] == self.sent_count[stream] + messages + dropped


def test_nothing_is_lost_unseen_or_out_of_order() -> None:
    """Put = sent + waiting + dropped, within the bound, each gap explained by its heir."""
    run_state_machine_as_test(OutboxHistory)


def test_what_is_not_on_the_disk_is_told_in_order() -> None:
    """Old enough and new there; the first also if it has to account for more since."""
    bench = _Harness(limit=4)
    for seq in range(1, 5):
        bench.put(seq)
        bench.clock.now_s += 1.0
    first = bench.outbox.unspooled(bench.clock.now_s - 2.0)
    assert _ids(first) == ["1-1", "1-2", "1-3"]
    for entry in first:
        entry.on_unspool = lambda: None
    assert _ids(bench.outbox.unspooled(bench.clock.now_s)) == ["1-4"]
    bench.put(5)
    assert _ids(bench.outbox.unspooled(bench.clock.now_s)) == ["1-2", "1-4", "1-5"]
