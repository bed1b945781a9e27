"""Exponential backoff with full jitter: how long to wait before the next attempt.

After "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015): a random share of an
exponentially growing bound spreads the attempts of many clients best.
"""

from __future__ import annotations

import random
from collections.abc import Callable

# Waiting next to nothing would make an attempt pointless.
_LEAST_SHARE = 0.1


class Backoff:
    """Delays that grow from failure to failure; not thread-safe.

    The waiting itself is the caller's: on an event that shutdown sets.
    """

    def __init__(
        self,
        base_s: float,
        cap_s: float,
        random_share: Callable[[], float] = random.random,
        *,
        least_share: float = _LEAST_SHARE,
    ) -> None:
        """Start at up to ``base_s`` seconds, double each time, never exceed ``cap_s``.

        Never wait less than ``least_share`` of the bound that holds: a firm minimum where an
        early attempt does harm.
        """
        self._base_s = base_s
        self._cap_s = cap_s
        self._random_share = random_share
        self._least_share = least_share
        self._bound_s = base_s

    def next_s(self) -> float:
        """Seconds to wait before the next attempt."""
        bound_s = self._bound_s
        self._bound_s = min(self._cap_s, bound_s * 2)
        return bound_s * max(self._least_share, self._random_share())

    def reset(self) -> None:
        """Start over after a success."""
        self._bound_s = self._base_s
