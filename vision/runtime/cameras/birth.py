"""How long the first word of a process is waited for."""

from __future__ import annotations

from collections.abc import Callable

# Its imports need a second of a processor. Where many processes start at once, or others leave
# it none, that takes much longer, and whoever is replaced meanwhile begins anew.
_ROUND_S, _ROUNDS = 30.0, 10
_GETS_ON_S = 0.03


def silence_before_birth_s(
    poll: Callable[[float], bool], processor_s: Callable[[], float | None]
) -> float:
    """Wait for a first word for as long as whoever is to say it gets on.

    Args:
        poll: Whether there is a word within so many seconds.
        processor_s: Processor time it used so far, seconds; None while nobody can say.

    Returns:
        0 once there is a word, else the seconds after which it was given up.
    """
    used_s = waited_s = 0.0
    for _ in range(_ROUNDS):
        if poll(_ROUND_S):
            return 0.0
        waited_s += _ROUND_S
        now_s = processor_s()
        if now_s is None:
            continue
        if now_s - used_s < _GETS_ON_S:
            break
        used_s = now_s
    return waited_s
