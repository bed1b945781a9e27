"""The accounts on which the fault suite judges."""

from __future__ import annotations

import pytest

from tests.faults.record import (
    SeenMessage,
    StreamAccount,
    account_for,
    be_patient,
    bound_s,
    fairness,
    longest_silence_s,
)


def seen(run: int, seq: int, skipped: int = 0) -> SeenMessage:
    """A message of a frame."""
    return SeenMessage(0.0, 0.0, 0.0, 0.0, run, seq, skipped, 320, None, "rtcp")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([seen(1, 1), seen(1, 2), seen(1, 3)], StreamAccount(3, 0, 0, 0)),
        ([seen(1, 1), seen(1, 4, 2)], StreamAccount(2, 2, 0, 0)),
        ([seen(1, 1), seen(1, 5, 2)], StreamAccount(2, 2, 1, 0)),
        ([seen(1, 1), seen(1, 1)], StreamAccount(2, 0, 0, 1)),
        ([seen(1, 3), seen(1, 2)], StreamAccount(2, 0, 0, 1)),
        ([seen(1, 7), seen(2, 1)], StreamAccount(2, 0, 0, 0)),
        ([seen(1, 7), seen(2, 3, 2)], StreamAccount(2, 2, 0, 0)),
        ([seen(1, 7), seen(2, 3)], StreamAccount(2, 0, 2, 0)),
        ([seen(2, 1), seen(1, 8)], StreamAccount(2, 0, 0, 1)),
        ([], StreamAccount(0, 0, 0, 0)),
    ],
)
def test_what_nothing_accounts_for_is_lost(
    messages: list[SeenMessage], expected: StreamAccount
) -> None:
    """Skipped is told, lost is not, and a run begins at 1."""
    assert account_for(messages) == expected


def test_fairness_and_silence() -> None:
    """Jain's index is 1 for equal shares and 1/n for one that takes all."""
    assert fairness([3, 3, 3]) == pytest.approx(1)
    assert fairness([3, 0, 0]) == pytest.approx(1 / 3)
    assert fairness([0, 0]) == 0
    assert longest_silence_s([1.0, 1.5, 4.0]) == 2.5
    assert longest_silence_s([1.0]) == 0


def test_a_promised_time_is_what_counts_unless_somebody_is_patient() -> None:
    """As in a run among other tests, where no figures are kept."""
    before = bound_s(1.0)
    try:
        be_patient(1.0)
        assert bound_s(5.0) == 5.0
        be_patient(4.0)
        assert bound_s(5.0) == 20.0
    finally:
        be_patient(before)
