"""The examples do what they say, against a real Redis, in each language that is here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import orjson
import pytest
import redis

from tests.support.messages import RUN, detection
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.publishing.encoding import encode

pytestmark = pytest.mark.integration
_FOLDER = Path(__file__).parents[3] / "examples"
_ENDINGS = {"python": "py", "node": "js", "shell": "sh"}
_MOST_LINES = 20
DETECTIONS = "vision:detections:{front}"
EVENTS = "vision:events:{front}"


@pytest.fixture(params=_ENDINGS)
def language(request: pytest.FixtureRequest) -> str:
    """Each whose tool chain is installed."""
    name: str = request.param
    if name == "shell" and shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    if name == "node":
        if shutil.which("node") is None:
            pytest.skip("Node.js is not installed")
        if not (_FOLDER / "node" / "node_modules").is_dir():
            pytest.skip("the packages of examples/node are not installed: make examples")
    return name


class Example:
    """A running example and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def lines(self) -> list[str]:
        """What it printed, spaces at the end left out."""
        return [line.rstrip() for line in self._output.read_text().splitlines()]

    def wait_for(self, *lines: str) -> None:
        """Wait until it has printed these and nothing else."""
        wait_until(lambda: len(self.lines()) >= len(lines), f"{lines}, not {self.lines()}")
        assert self.lines() == list(lines)


@contextmanager
def running(server: RedisServer, language: str, name: str, folder: Path) -> Iterator[Example]:
    """The example as a process, with the password in a file."""
    program = _FOLDER / language / f"{name}.{_ENDINGS[language]}"
    words = {"python": [sys.executable], "node": ["node"], "shell": ["bash"]}[language]
    password = folder / "redis_password"
    password.write_text(f"{server.password}\n")
    environment = {
        **os.environ,
        "REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
        "REDIS_PASSWORD_FILE": str(password),
    }
    output = folder / f"{name}.out"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [*words, program], env=environment, stdout=out, start_new_session=True
        )
    try:
        yield Example(process, output)
    finally:
        # A shell script is a pipeline: its group ends with it.
        os.killpg(process.pid, 9)
        process.wait(30)


def _is_heard(client: redis.Redis) -> bool:
    return bool(client.pubsub_numpat())


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for language, ending in _ENDINGS.items()
        for path in (_FOLDER / language).glob(f"*.{ending}")
    ),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_an_example_is_short(path: Path) -> None:
    """At most twenty lines: what a subscriber needs fits on a slide."""
    assert len(path.read_text().splitlines()) <= _MOST_LINES


def test_live_prints_what_is_published(server: RedisServer, language: str, tmp_path: Path) -> None:
    """Camera, number and labels of each frame, empty ones too."""
    with running(server, language, "live", tmp_path) as example, server.client() as client:
        wait_until(partial(_is_heard, client), "the subscription")
        client.publish(DETECTIONS, encode(detection(1)))
        client.publish(DETECTIONS, encode(detection(2, detections=())))
        example.wait_for("front 1 person", "front 2")


def test_gaps_are_told_apart(server: RedisServer, language: str, tmp_path: Path) -> None:
    """What was skipped by the node is not what a subscriber missed; a new run is neither."""
    messages = [
        detection(1),
        detection(2),
        detection(5, skipped=2),
        detection(9),
        detection(10),
        detection(1, run=RUN + 1),
        detection(2, run=RUN + 1),
    ]
    with running(server, language, "gaps", tmp_path) as example, server.client() as client:
        wait_until(partial(_is_heard, client), "the subscription")
        for message in messages:
            client.publish(DETECTIONS, encode(message))
        client.publish(DETECTIONS, encode(detection(4, run=RUN + 1, skipped=1)))
        example.wait_for(
            "front 5 skipped 2 missing 0",
            "front 9 skipped 0 missing 3",
            "front 4 skipped 1 missing 0",
        )


def test_a_group_gets_every_message_once_over_a_restart(
    server: RedisServer, language: str, tmp_path: Path
) -> None:
    """From the first entry on; what was acknowledged before the kill does not come again."""
    with server.client() as client:

        def add(seq: int) -> None:
            client.xadd(DETECTIONS, {"message": encode(detection(seq))}, id=f"{RUN}-{seq}")

        def is_acked() -> bool:
            groups = client.xinfo_groups(DETECTIONS)
            return bool(groups) and groups[0]["pending"] == 0

        add(1)
        add(2)
        with running(server, language, "replay", tmp_path) as example:
            example.wait_for("front 1", "front 2")
            wait_until(is_acked, "the acknowledgement")
        add(3)
        # Taken by the one that was killed, and never acknowledged: it comes again.
        client.xreadgroup("example", "worker-1", {DETECTIONS: ">"}, count=1)
        with running(server, language, "replay", tmp_path) as example:
            add(4)
            example.wait_for("front 3", "front 4")


def test_events_print_who_came_and_left(server: RedisServer, language: str, tmp_path: Path) -> None:
    """An update says nothing; spans in which nobody looked are counted."""
    with running(server, language, "events", tmp_path) as example, server.client() as client:
        wait_until(partial(_is_heard, client), "the subscription")
        for kind, gaps in (("new", 0), ("update", 1), ("end", 2)):
            client.publish(EVENTS, _event(kind, gaps))
        example.wait_for("front new person gaps 0", "front end person gaps 2")


def _event(kind: str, gaps: int) -> bytes:
    moment = detection(1).time.captured
    gap = {"from": moment, "until": moment, "reason": "skipped", "frames": 3}
    event = {
        "schema": "vision.events/1",
        "id": f"front:{RUN}-1-0",
        "camera": "front",
        "type": kind,
        "label": "person",
        "gaps": [gap] * gaps,
        "end": "left" if kind == "end" else None,
    }
    return orjson.dumps(event)
