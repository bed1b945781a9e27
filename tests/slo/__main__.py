"""What is promised in figures, measured: ``python -m tests.slo`` (docs/adr/0032).

Ends with 1 if a target is missed. What cannot be measured on this machine is said, and misses none.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.machine import machine
from tests.slo import cold_start, failover, soak, stack
from tests.slo.result import Figure, missed, not_measured, row
from tests.support.site import need_model

_PARTS = ("uptime", "redis", "processes", "cold-start", "stack")


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.slo", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak (10)")
    parser.add_argument("--every-s", type=float, default=20.0, help="between its faults (20)")
    parser.add_argument("--runs", type=int, default=5, help="of everything else (5)")
    parser.add_argument("--seed", type=int, help="of the order of faults")
    parser.add_argument("--only", action="append", choices=_PARTS, help="this part; repeatable")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in FILE")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    # Before anything loads it.
    where = machine() | {"command": f"python -m tests.slo {' '.join(sys.argv[1:])}".strip()}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Containers read what lies in it.
        folder.chmod(0o711)
        parts: dict[str, Callable[[], list[Figure]]] = {
            "uptime": lambda: soak.measure(folder / "soak", args.minutes, args.every_s, seed),
            "redis": lambda: failover.of_redis(folder / "redis", args.runs),
            "processes": lambda: failover.of_processes(folder / "processes", args.runs),
            "cold-start": lambda: cold_start.measure(folder / "cold", args.runs),
            "stack": lambda: stack.measure(folder / "stack", args.runs),
        }
        for part in args.only or _PARTS:
            for figure in _measured(part, parts[part]):
                figures.append(figure)
                _say(row(figure.document()))
    if args.json is not None:
        document = {"machine": where, "figures": [figure.document() for figure in figures]}
        args.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(any(figure.met is False for figure in figures))


def _measured(part: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    try:
        if part != "stack":
            need_model()
        return measure()
    except pytest.skip.Exception as missing:
        return [not_measured(part, "", str(missing))]
    except AssertionError as failure:
        return [missed(part, "", f"failed: {str(failure).splitlines()[0]}", str(failure))]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
