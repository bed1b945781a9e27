"""The stack of containers: its cold start, and what it takes after something of it was killed."""

from __future__ import annotations

from pathlib import Path

from tests.faults.record import let_pass, wait_for
from tests.slo import cold_start, failover
from tests.slo.containers import CAMERAS, Stack, why_not
from tests.slo.result import Figure, not_measured, within

_COLD = "cold start of the stack: `docker compose up` to the first detection of each of two cameras"
_KINDS = {
    "failover in containers: an ingest container is killed": ("ingest-gate", CAMERAS[:1]),
    "failover in containers: the only inference container is killed": ("infer", CAMERAS),
}
_REDIS = "failover in containers: the Redis that leads is killed, and stays away"
# Docker waits longer before it starts a container again that ran for less than ten seconds.
_PAUSE_S = 11.0
# As of the failovers without containers.
_APART_S = 14.0
_PATIENCE_S = 60.0


def measure(folder: Path, runs: int) -> list[Figure]:
    """All of it, each ``runs`` times."""
    missing = why_not()
    if missing:
        wanted = [(_COLD, cold_start.LIMIT_S)]
        wanted += [(what, failover.LIMIT_S) for what in (_REDIS, *_KINDS)]
        return [not_measured(what, f"< {limit_s:g} s", missing) for what, limit_s in wanted]
    cold_s = []
    for run in range(runs):
        stack = Stack(folder / str(run))
        try:
            cold_s.append(stack.up())
        finally:
            stack.down()
    return [within(_COLD, cold_s, cold_start.LIMIT_S), *_killed(folder / "ha", runs)]


def _killed(folder: Path, runs: int) -> list[Figure]:
    stack = Stack(folder, ha=True)
    try:
        stack.up()
        with stack.followed():
            took_s = []
            for _ in range(runs):
                let_pass(_APART_S)
                assert wait_for(lambda: bool(stack.primary()), _PATIENCE_S), "no Redis leads"
                leader = stack.primary()
                took_s.append(stack.back_after_s(stack.kill_for_good(leader)))
                stack.start(leader)
            figures = [within(_REDIS, took_s, failover.LIMIT_S)]
            for what, (service, cameras) in _KINDS.items():
                took_s = []
                for _ in range(runs):
                    let_pass(_PAUSE_S)
                    took_s.append(stack.back_after_s(stack.kill(service), cameras))
                figures.append(within(what, took_s, failover.LIMIT_S))
    finally:
        stack.down()
    return figures
