"""What a frame costs the inference thread before the engine has it: copy, letterbox, start.

The engine is idle when a picture is handed over and its answer is waited for outside of the
measured time, so this is the thread's own work; ``cpu`` is free of what the engine takes away.
"""

from __future__ import annotations

import time
from itertools import cycle

from bench.cases import Options, row
from bench.cases.engine import answer_to, engine, pictures
from bench.result import Row
from bench.summary import percentiles, rounded

_SIZES = ((640, 360), (640, 480))


def measure(options: Options) -> list[Row]:
    """For pictures of 16:9 and of 4:3."""
    rows = []
    with engine(options) as backend:
        for width, height in _SIZES:
            turn = cycle(pictures(options, backend.input_size, width, height))
            for _ in range(5):
                answer_to(backend, next(turn)).release()
            samples_us, used_us = [], []
            end_s = time.monotonic() + options.seconds
            while time.monotonic() < end_s:
                picture = next(turn)
                started_ns, started_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
                backend.submit([picture])
                used_us.append((time.thread_time_ns() - started_cpu_ns) / 1000)
                samples_us.append((time.perf_counter_ns() - started_ns) / 1000)
                while not (answers := backend.finished()):
                    time.sleep(0.0005)
                for answer in answers:
                    answer.release()
            figures = percentiles(samples_us, "time", "us")
            figures.pop("time_max_us")
            figures["cpu_us"] = rounded(sum(used_us) / len(used_us))
            rows.append(row("preprocess", f"{width}x{height}", figures))
    return rows
