"""Times a call again and again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from bench.summary import percentiles, rounded

_WARM_UP_SHARE = 0.2
_MOST_SAMPLES = 200_000


def timed(call: Callable[[], object], seconds: float, *, calls: int = 1) -> dict[str, float]:
    """Time of a call and what it costs this thread, after a warm-up of a fifth of ``seconds``.

    ``calls`` is how many things one call does; figures are for one of them. The garbage
    collector rests meanwhile.
    """
    _repeat(call, seconds * _WARM_UP_SHARE)
    gc.collect()
    gc.disable()
    try:
        used_ns = time.thread_time_ns()
        samples_ns = _repeat(call, seconds)
        used_ns = time.thread_time_ns() - used_ns
    finally:
        gc.enable()
    done = len(samples_ns) * calls
    figures = percentiles((value / calls / 1000 for value in samples_ns), "time", "us")
    # One long pause of a shared machine is no property of the code.
    figures.pop("time_max_us")
    return figures | {
        "cpu_us": rounded(used_ns / done / 1000),
        "per_s": rounded(done / sum(samples_ns) * 1e9),
    }


def _repeat(call: Callable[[], object], seconds: float) -> list[int]:
    samples: list[int] = []
    end_ns = time.perf_counter_ns() + round(seconds * 1e9)
    now_ns = time.perf_counter_ns()
    while now_ns < end_ns and len(samples) < _MOST_SAMPLES:
        call()
        before_ns, now_ns = now_ns, time.perf_counter_ns()
        samples.append(now_ns - before_ns)
    return samples
