"""How soon a sentence comes when those who write it do not answer, and who comes back when.

``python -m bench.narrate`` prints one JSON document. The role runs with a real Redis; providers are
servers on loopback. An event's time is from its XADD until its sentence is on the stream.

``silent``
    The first provider takes the question and never answers; the second one does.
``no handshake``
    The first one's packets are dropped, as by a cut line: no connection comes about.
``nobody``
    Neither of two providers answers: the template does.
``cut and healed``
    The breaker as in the settings' defaults, but for its rest of a second: time from the end of a
    cut until the first sentence of the first provider.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import redis

from bench.machine import machine
from bench.narrate_provider import Provider, dropping
from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.domain.event import EVENTS_SCHEMA, EventBest, EventMessage, EventTime, EventZones
from vision.domain.message import utc_text
from vision.publishing.encoding import encode
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey
from vision.runtime.roles.narrate import NarrateRole

_RUN = 1_763_898_000_123
_AT_ONCE = 8
_PAUSE_S = 0.1
_PATIENCE_S = 10.0
_BOX = (0.2, 0.4, 0.3, 0.6)
_PASSWORD_FILE = "redis_password"  # noqa: S105  the name of a file
Parts = dict[str, Callable[[int], dict[str, Any]]]


class Site:
    """A narrator with its Redis, and events for it."""

    def __init__(self, urls: list[str], **narration: Any) -> None:
        self._urls = urls
        self._narration = narration
        self._number = 0

    @contextmanager
    def running(self) -> Iterator[Site]:
        """For the length of a measurement."""
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            place = Path(folder)
            password = "bench-narrate"  # noqa: S105  of a server that ends with this
            server = EmbeddedRedis(place, password)
            server.start()
            stack.callback(server.stop)
            (place / "secrets").mkdir(mode=0o700)
            write_secret(place / "secrets" / _PASSWORD_FILE, password)
            providers = [
                {"name": f"provider{n}", "url": url, "model": "m"}
                for n, url in enumerate(self._urls)
            ]
            settings = {
                "redis": {"url": server.url},
                "secrets_dir": str(place / "secrets"),
                "run_dir": str(place / "run"),
                "narration": {"providers": providers} | self._narration,
            }
            role = NarrateRole(settings_from(settings, "bench", {}))
            stop = threading.Event()
            thread = threading.Thread(target=role.run, args=(stop,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            self.client = stack.enter_context(redis.Redis.from_url(server.url, password=password))
            while not role.is_reading:
                time.sleep(0.01)
            yield self

    def trial(self) -> tuple[float, dict[str, Any]]:
        """Seconds from an event to its sentence, and that."""
        self._number += 1
        camera = f"camera-{self._number}"
        began_s = time.monotonic()
        name, payload = str(StreamKey(Kind.EVENTS, camera)), encode(_event(camera, self._number))
        self.client.xadd(name, {MESSAGE_FIELD: payload}, id=f"{_RUN}-1")
        self.client.publish(name, payload)
        told = str(StreamKey(Kind.NARRATION, camera))
        found: Any = self.client.xread({told: "0-0"}, block=round(_PATIENCE_S * 1000))
        took_s = time.monotonic() - began_s
        return took_s, json.loads(found[0][1][0][1][MESSAGE_FIELD.encode()])


def _event(camera: str, number: int) -> EventMessage:
    now = utc_text(time.time_ns())
    return EventMessage(
        schema=EVENTS_SCHEMA,
        id=f"{camera}:{_RUN}-{number}-0",
        camera=camera,
        type="new",
        revision=0,
        label="person",
        confidence=0.9,
        time=EventTime(now, now, None, "rtcp", now),
        duration_s=0.0,
        box=_BOX,
        best=EventBest(f"{camera}:{_RUN}-{number}", now, 0.9, _BOX, None),
        zones=EventZones((), (), {}),
        lines=(),
        path=(),
        stationary=False,
        gaps=(),
        end=None,
    )


def _trials(urls: list[str], trials: int) -> dict[str, Any]:
    """Each trial pays for the black hole: the breaker never opens."""
    site = Site(urls, breaker={"failures": 1000}, limits={"at_once": 16, "per_minute": 10_000})
    times: list[float] = []
    documents: list[dict[str, Any]] = []
    with site.running():

        def measure() -> None:
            for _ in range(trials // _AT_ONCE):
                took_s, document = site.trial()
                times.append(took_s)
                documents.append(document)

        threads = [threading.Thread(target=measure) for _ in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
            # Not in step with each other.
            time.sleep(_PAUSE_S)
        for thread in threads:
            thread.join()
    outcomes = [[one["outcome"] for one in document["attempts"]] for document in documents]
    return _figures(times) | {
        "providers": _counts(document["provider"] for document in documents),
        "attempts": _counts(" > ".join(each) for each in outcomes),
    }


def _figures(times: list[float]) -> dict[str, Any]:
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "trials": len(times),
        "p50_s": round(float(p50), 3),
        "p99_s": round(float(p99), 3),
        "max_s": round(max(times), 3),
    }


def _counts(values: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return counted


def silent(trials: int) -> dict[str, Any]:
    """See the module."""
    with Provider(is_silent=True) as first, Provider() as second:
        return _trials([first.url, second.url], trials)


def no_handshake(trials: int) -> dict[str, Any]:
    """See the module."""
    with dropping() as first, Provider() as second:
        return _trials([first, second.url], trials)


def nobody(trials: int) -> dict[str, Any]:
    """See the module."""
    with dropping() as first, Provider(is_silent=True) as second:
        return _trials([first, second.url], trials)


def healed(trials: int) -> dict[str, Any]:
    """See the module."""
    back: list[float] = []
    longest = 0.0
    with Provider() as first, Provider() as second:
        site = Site([first.url, second.url], breaker={"rest_s": 1.0}, limits={"per_minute": 10_000})
        with site.running():
            for _ in range(max(1, trials // 10)):
                first.is_silent = True
                for _ in range(5):
                    took_s, _ = site.trial()
                    longest = max(longest, took_s)
                    time.sleep(_PAUSE_S)
                first.is_silent = False
                healed_s = time.monotonic()
                provider = ""
                while provider != "provider0":
                    took_s, document = site.trial()
                    longest = max(longest, took_s)
                    provider = document["provider"]
                    time.sleep(_PAUSE_S)
                back.append(time.monotonic() - healed_s)
    return _figures(back) | {"longest_sentence_s": round(longest, 3)}


_PARTS: Parts = {
    "silent": silent,
    "no handshake": no_handshake,
    "nobody": nobody,
    "cut and healed": healed,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.narrate", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="of each part (%(default)s)")
    parser.add_argument("--part", action="append", choices=_PARTS, help="default: all of them")
    args = parser.parse_args()
    command = " ".join(["python -m bench.narrate", *sys.argv[1:]])
    report: dict[str, object] = {"case": "narrate", "machine": machine() | {"command": command}}
    with suppress(KeyboardInterrupt):
        for part in args.part or _PARTS:
            report[part] = _PARTS[part](args.trials)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
