"""Waiting for something to become true, with patience and an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Long enough for a machine that is busy with other tests; a failure is all it delays.
PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.01


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return once ``condition`` holds; fail with ``what`` when it takes too long."""
    give_up_s = time.monotonic() + patience_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain for: {what}"
        pause.wait(_LOOK_EVERY_S)
