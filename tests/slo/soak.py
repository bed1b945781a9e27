"""Uptime over minutes in which something fails all the time."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.record import SeenMessage, account_for, let_pass
from tests.slo.fault_deck import shuffled
from tests.slo.result import Figure
from tests.slo.service import Service, running_service
from tests.slo.uptime import Arrival, Span, down_and_watched_s

GOAL = 0.995
FRESH_S = 2.0
"""How old the frame of the newest message may be (docs/adr/0032)."""
_OTHERS_S = (1.0, 5.0)
_CAMERAS, _FPS, _WORKERS = 4, 5.0, 2
_SETTLE_S = 10.0


def measure(folder: Path, minutes: float, every_s: float, seed: int) -> list[Figure]:
    """The uptime of a service of its own; a fault begins each ``every_s``."""
    with running_service(folder, cameras=_CAMERAS, fps=_FPS, workers=_WORKERS) as service:
        let_pass(_SETTLE_S)
        chance = random.Random(seed)
        window, happened, excused = _inject(service, minutes * 60, every_s, chance)
        # What was under way at the end is seen too.
        let_pass(FRESH_S)
        seen = {name: list(service.recorder.seen[name]) for name in service.cameras}
    details = {
        "minutes": minutes,
        "every_s": every_s,
        "cameras": _CAMERAS,
        "fps": _FPS,
        "workers": _WORKERS,
        "seed": seed,
        "faults": dict(Counter(what for what, _ in happened)),
        "messages": sum(map(len, seen.values())),
        "lost": sum(account_for(messages).lost for messages in seen.values()),
        "doubled": sum(account_for(messages).doubled for messages in seen.values()),
    }
    return [_judged(seen, window, happened, excused, details)]


def _inject(
    service: Service, lasts_s: float, every_s: float, chance: random.Random
) -> tuple[Span, list[tuple[str, float]], dict[str, list[Span]]]:
    """Let faults happen; when it was, which began when, and when cameras themselves were silent."""
    happened: list[tuple[str, float]] = []
    names = [*service.cameras]
    excused: dict[str, list[Span]] = {name: [] for name in names}
    began_s = next_s = time.monotonic()
    for fault in shuffled(chance):
        if next_s + every_s > began_s + lasts_s:
            break
        let_pass(next_s - time.monotonic())
        camera = chance.choice(names)
        fault_s = time.monotonic()
        undo = fault.do(service, camera)
        let_pass(fault.lasts_s)
        undo()
        if fault.is_the_cameras:
            excused[camera].append((fault_s, time.monotonic()))
        happened.append((fault.what, fault_s))
        next_s = max(next_s + every_s, time.monotonic())
    let_pass(began_s + lasts_s - time.monotonic())
    return (began_s, began_s + lasts_s), happened, excused


def _judged(
    seen: Mapping[str, Sequence[SeenMessage]],
    window: Span,
    happened: Sequence[tuple[str, float]],
    excused: Mapping[str, Sequence[Span]],
    details: Mapping[str, Any],
) -> Figure:
    to_monotonic_s = time.monotonic() - time.time()
    arrivals = {
        name: [Arrival(item.arrived_s, item.received_s + to_monotonic_s) for item in messages]
        for name, messages in seen.items()
    }

    def ups(fresh_s: float, pardoned: Mapping[str, Sequence[Span]]) -> dict[str, float]:
        shares = {}
        for name, items in arrivals.items():
            down_s, watched_s = down_and_watched_s(items, window, pardoned.get(name, ()), fresh_s)
            shares[name] = round(1 - down_s / watched_s, 5)
        return shares

    def down_s(after: Span) -> float:
        return sum(
            down_and_watched_s(items, after, excused[name], FRESH_S)[0]
            for name, items in arrivals.items()
        )

    # Until the next one begins.
    ends = [*(at_s for _, at_s in happened[1:]), window[1]]
    down_by_fault: dict[str, list[float]] = {}
    for (what, at_s), end_s in zip(happened, ends, strict=True):
        down_by_fault.setdefault(what, []).append(round(down_s((at_s, end_s)), 2))

    def mean(shares: Mapping[str, float]) -> float:
        return round(sum(shares.values()) / len(shares), 5)

    per_camera = ups(FRESH_S, excused)
    uptime = mean(per_camera)
    with_theirs = mean(ups(FRESH_S, {}))
    by_age = {f"{fresh_s:g}": mean(ups(fresh_s, excused)) for fresh_s in _OTHERS_S}
    words = (
        f"{uptime:.2%} over {details['minutes']:g} min and {sum(details['faults'].values())} faults; "
        f"the worst camera {min(per_camera.values()):.2%}; "
        f"{with_theirs:.2%} with what cameras did not send"
    )
    words += "".join(f"; {share:.2%} by {age} s" for age, share in by_age.items())
    return Figure(
        f"uptime: camera-seconds with a message of a frame no older than {FRESH_S:g} s",
        f"> {GOAL:.1%}",
        words,
        uptime > GOAL,
        {
            **details,
            "uptime": uptime,
            "per_camera": per_camera,
            "with_what_cameras_did_not_send": with_theirs,
            "by_age_s": by_age,
            "down_camera_seconds_by_fault": down_by_fault,
        },
    )
