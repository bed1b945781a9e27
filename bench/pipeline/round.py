"""One round: cameras, Redis, node and subscriber once, in a process of its own."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from bench.cameras import Sent
from bench.fresh import fresh
from bench.pipeline.node import watch
from bench.pipeline.site import Site, running
from bench.pipeline.tally import Seen

_NS_PER_MS = 1_000_000


def in_fresh_process(site: Site) -> dict[str, Any]:
    """Measure in a process of its own; see :func:`measure`."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(site).items()]
    answer: dict[str, Any] = fresh("bench.pipeline.round", arguments)
    return answer


def measure(site: Site) -> dict[str, Any]:
    """What came of it, with each latency: :mod:`bench.pipeline.case` puts rounds together."""
    with running(site) as site_running:
        node, tally = site_running.node, site_running.tally
        skipped = node.skipped()
        tally.open()
        used = watch(site_running.roots, site.seconds)
        tally.close()
        skipped = node.skipped() - skipped
        # They write their log as they end; what the node makes of that is of no interest.
        site_running.cameras.stop()
        clock = _clock_errors(tally.seen, site_running.cameras.sent())
    message = tally.newest
    assert message is not None  # noqa: S101  the start was waited for
    return {
        "seconds": used.seconds,
        "first_detection_s": site_running.first_detection_s,
        "counts": tally.counts(),
        "latency_ms": [seen.latency_ms for seen in tally.seen],
        "added_ms": [seen.added_ms for seen in tally.seen],
        "age_ms": [seen.age_ms for seen in tally.seen],
        "clock_error_ms": clock,
        "skipped": skipped,
        "gaps": tally.gaps,
        "cpu_s": used.cpu_s,
        "rss_mib": used.rss_mib,
        "model": {"name": message.model.name, "sha256": message.model.sha256},
        "backend": message.model.backend,
        "input": message.model.input,
    }


def _clock_errors(messages: list[Seen], sent: dict[str, list[Sent]]) -> list[float]:
    """The messages' capture times less the times at which the cameras sent those frames, ms."""
    errors = []
    for seen in messages:
        # Of a camera that was connected to twice, ticks do not say which connection's they are.
        if seen.ticks is None or len(sent[seen.camera]) != 1:
            continue
        sent_ns = sent[seen.camera][0].at(seen.ticks)
        if sent_ns is not None:
            errors.append((seen.captured_ns - sent_ns) / _NS_PER_MS)
    return errors


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline.round", description=__doc__)
    for name, kind in Site.__annotations__.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type={"int": int, "float": float, "str": str}[kind],
            required=True,
        )
    print(json.dumps(measure(Site(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
