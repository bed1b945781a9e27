"""One bad picture is borne, a stream of them is not."""

from __future__ import annotations

import pytest

from vision.capture.failure_streak import FailureStreak
from vision.domain.errors import SourceError, SourceErrorCode

_ERROR = SourceError(SourceErrorCode.DECODE, "cannot be converted")
_S = 1_000_000_000


def test_failures_are_borne_for_a_while() -> None:
    """Many in a short time, and few in a long one."""
    quick, slow = FailureStreak(), FailureStreak()
    for number in range(1000):
        quick.failure(_ERROR, number * _S // 100)
    for number in range(4):
        slow.failure(_ERROR, number * 30 * _S)


def test_nothing_but_failures_is_an_error() -> None:
    """That of the newest."""
    patience = FailureStreak()
    for number in range(20):
        patience.failure(_ERROR, number * _S)
    with pytest.raises(SourceError, match="cannot be converted"):
        patience.failure(_ERROR, 20 * _S)


def test_a_success_between_is_enough() -> None:
    """It starts anew."""
    patience = FailureStreak()
    for number in range(200):
        patience.failure(_ERROR, number * _S)
        if number % 10 == 0:
            patience.success()
