"""How much a worker gives its engine at once."""

from __future__ import annotations

from tests.support.engines import ScriptedBackend
from tests.support.scripted_worker import Clock, leased, run_through


def test_the_engine_is_never_given_more_than_it_has_room_for() -> None:
    """And no more leases are held than twice that, however long one answer takes."""
    backend = ScriptedBackend(capacity=2)
    held_back = iter(range(20))

    def all_but_the_first(tickets: list[int]) -> list[int]:
        return tickets if next(held_back, None) is None else [item for item in tickets if item > 1]

    backend.choose = all_but_the_first
    leases = [leased("a", seq) for seq in range(1, 30)]
    most = 0

    def count_held() -> None:
        nonlocal most
        most = max(most, len(backend.batches) - sum(lease.released for lease in leases))

    delivery, _ = run_through([[lease] for lease in leases], backend, before_take=count_held)
    assert most <= 4
    assert [meta.seq for meta in delivery.metas] == [*range(1, 30)]


def test_a_batch_is_filled_while_there_is_time() -> None:
    """Where batches help; without frames to add, it goes as it is."""
    clock = Clock()

    def pass_time() -> None:
        clock.now_ns += 1_000_000

    backend = ScriptedBackend(capacity=1, max_batch=4)
    turns = [[leased("a", 1, number=1)], [leased("b", 1, number=2)], [leased("c", 1, number=3)]]
    run_through(turns, backend, clock, pass_time, max_batch=3, max_wait_ms=10)
    assert backend.batches == [[1, 2, 3]]


def test_a_batch_does_not_wait_past_its_time() -> None:
    """It goes with what it has by then."""
    clock = Clock()

    def pass_time() -> None:
        clock.now_ns += 6_000_000

    backend = ScriptedBackend(capacity=1, max_batch=8)
    turns = [[leased(camera, 1, number=ord(camera))] for camera in "abcdef"]
    run_through(turns, backend, clock, pass_time, max_wait_ms=10)
    assert [len(batch) for batch in backend.batches] == [3, 3]
