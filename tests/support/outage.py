"""What an outage of Redis costs, at any length: counted by who reads the streams.

python -m tests.support.outage away --seconds 60 --cameras 8 --fps 5
python -m tests.support.outage failover --runs 10
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.publishing import (
    AnyRedis,
    SteadyCameras,
    let_pass,
    publishing_to,
    stream_payloads,
)
from tests.support.redis_sentinel import running_sentinels
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until


@dataclasses.dataclass(frozen=True, slots=True)
class OutageReport:
    """What a reader found on the streams afterwards.

    Attributes:
        published: Messages handed over by all cameras.
        lost: Of those, on no stream.
        doubled: More than once on a stream.
        in_order: Whether each stream has them as they were published, byte for byte.
        refill_s: From the answer of Redis until nothing waited any more.
        publish_p50_us: How long handing over a message took, the middle of all.
        publish_p99_us: One of a hundred took longer.
        slowest_publish_ms: The longest; on a busy machine that of its scheduler.
    """

    published: int
    lost: int
    doubled: int
    in_order: bool
    refill_s: float
    publish_p50_us: float
    publish_p99_us: float
    slowest_publish_ms: float


def outage(server: RedisServer, *, away_s: float, cameras: int, fps: float) -> OutageReport:
    """Kill a server under steady cameras, bring it back ``away_s`` later, and count."""
    names = [f"camera-{number}" for number in range(1, cameras + 1)]
    with server.client() as client:
        # A crash may take the last second from the disk; how that is mended is tested apart.
        client.config_set("appendfsync", "always")
    with publishing_to(server) as running:
        steady = SteadyCameras(running, names, period_s=1 / fps)
        steady.wait_for(more=2)
        server.kill()
        let_pass(away_s)
        server.restart()
        running.wait_connected()
        back_s = time.monotonic()
        running.wait_sent()
        refill_s = time.monotonic() - back_s
        steady.wait_for(more=2)
        steady.finish()
        running.wait_sent()
    return report(server, steady, refill_s)


def report(server: AnyRedis, steady: SteadyCameras, refill_s: float) -> OutageReport:
    """Compare what was published with what is on the streams."""
    found = {camera: list(stream_payloads(server, camera).values()) for camera in steady.payloads}
    percentiles = statistics.quantiles(steady.took_s, n=100)
    return OutageReport(
        published=sum(steady.published.values()),
        lost=sum(len(set(sent) - set(found[camera])) for camera, sent in steady.payloads.items()),
        doubled=sum(len(payloads) - len(set(payloads)) for payloads in found.values()),
        in_order=found == steady.payloads,
        refill_s=round(refill_s, 3),
        publish_p50_us=round(percentiles[49] * 1e6, 1),
        publish_p99_us=round(percentiles[98] * 1e6, 1),
        slowest_publish_ms=round(steady.slowest_s * 1000, 3),
    )


def failover_s(directory: Path, down_after_ms: int | None) -> float:
    """Seconds from kill -9 of a primary to the first message confirmed by the new one.

    The servers and Sentinels run with the files of compose/redis; ``down_after_ms`` replaces what
    stands there.
    """
    with running_sentinels(directory, down_after_ms=down_after_ms) as trio:
        with publishing_to(trio) as running:
            steady = SteadyCameras(running, period_s=0.02)
            steady.wait_for(more=50)
            killed_s = time.monotonic()
            trio.primary().kill()
            running.wait_away()
            confirmed = running.observer.messages
            wait_until(lambda: running.observer.messages > confirmed, "a confirmed message")
            took_s = time.monotonic() - killed_s
            steady.finish()
            running.wait_sent()
        steady.assert_all_on(trio)
    return took_s


def main() -> None:
    """Measure once and print JSON."""
    parser = argparse.ArgumentParser(description="what an outage of Redis costs")
    kinds = parser.add_subparsers(dest="kind", required=True)
    away = kinds.add_parser("away")
    away.add_argument("--seconds", type=float, default=60.0)
    away.add_argument("--cameras", type=int, default=8)
    away.add_argument("--fps", type=float, default=5.0)
    failover = kinds.add_parser("failover")
    failover.add_argument("--runs", type=int, default=10)
    failover.add_argument("--down-after-ms", type=int, help="instead of the shipped one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.kind == "away":
            with running_redis(Path(folder)) as server:
                counted = outage(server, away_s=args.seconds, cameras=args.cameras, fps=args.fps)
            print(json.dumps(dataclasses.asdict(counted)))  # noqa: T201  a command
            return
        took_s = [
            failover_s(Path(folder) / str(run), args.down_after_ms) for run in range(args.runs)
        ]
    figures = {
        "runs": args.runs,
        "down_after_ms": args.down_after_ms or "as shipped",
        "median_s": round(statistics.median(took_s), 2),
        "longest_s": round(max(took_s), 2),
    }
    print(json.dumps(figures))  # noqa: T201  a command


if __name__ == "__main__":
    main()
