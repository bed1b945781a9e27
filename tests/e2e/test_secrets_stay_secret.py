"""Everything a running node shows, looked through for every spelling of its credentials."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest

from simulator import Clip, Credentials, Server
from tests.support.clips import make_clip
from tests.support.node import NodeProcess, models_variable, running_node
from tests.support.processes import children_of
from tests.support.redis_contents import redis_contents
from tests.support.redis_server import RedisServer, running_redis
from tests.support.secret_encodings import shown_in
from tests.support.sentry_server import running_sentry
from tests.support.site import need_model
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

# FFmpeg takes no user name with a colon, and quotes none in a digest.
USERNAME = f"us@er/%'\\ é{secrets.token_hex(4)}"
PASSWORD = f"p@:/%\"'\\ é{secrets.token_hex(4)}"
WRONG = f"w@:/%\"'\\ é{secrets.token_hex(4)}"
REDIS_PASSWORD = f"r@:/%\"' é{secrets.token_hex(4)}"
WEB_TOKEN = secrets.token_urlsafe(16)
SENTRY_KEY = secrets.token_hex(16)
ALL = (USERNAME, PASSWORD, WRONG, REDIS_PASSWORD, WEB_TOKEN, SENTRY_KEY)
_HAS_SENTRY = importlib.util.find_spec("sentry_sdk") is not None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty server with a hostile password."""
    with running_redis(tmp_path / "redis") as server:
        with server.client() as client:
            client.config_set("requirepass", REDIS_PASSWORD)
        server.password = REDIS_PASSWORD
        yield server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """What the cameras play."""
    return Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))


def command(folder: Path, *arguments: str) -> str:
    """What another command says, on both outputs."""
    done = subprocess.run(
        [sys.executable, "-m", "vision", *arguments],
        cwd=folder,
        env=models_variable() | {"PATH": "/usr/bin", "HOME": str(Path.home())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )
    return done.stdout


def page_address(node: NodeProcess) -> str:
    """Where the live page is, as either format of the log tells it."""
    told = re.search(r"page=(http://[^\s\"]+)", node.log)
    assert told is not None
    return told[1]


def page(node: NodeProcess) -> Callable[[str], str]:
    """What the node's web server answers, headers included."""
    address = page_address(node)
    headers = {"authorization": f"Bearer {WEB_TOKEN}"}

    def get(path: str) -> str:
        answer = httpx.get(f"{address}{path}", headers=headers, timeout=30)
        return f"{answer.status_code} {answer.headers} {answer.text}"

    return get


def first_events(node: NodeProcess) -> str:
    """The live page's event stream, up to an overview and a camera's detections."""
    address = page_address(node)
    headers = {"authorization": f"Bearer {WEB_TOKEN}"}
    with httpx.stream("GET", f"{address}api/events", headers=headers, timeout=30) as answer:
        seen = ""
        for line in answer.iter_lines():
            seen += f"{line}\n"
            if "event: cameras\ndata: " in seen and "event: detections\ndata: " in seen:
                break
        return seen


def processes(node: NodeProcess) -> str:
    """Command lines and environments of the node and all its children, as ``ps`` sees them."""
    assert node.process is not None
    own = Path(f"/proc/{node.process.pid}")
    seen = (own / "cmdline").read_text() + (own / "environ").read_bytes().decode()
    for child in children_of(node.process.pid):
        seen += f"\n{child.command} {child.environment()}"
    return seen


def kill_a_worker(node: NodeProcess) -> None:
    """So that there is an error to report."""
    assert node.process is not None
    workers = [child for child in children_of(node.process.pid) if "spawn_main" in child.command]
    os.kill(workers[0].pid, signal.SIGKILL)


def channels(redis: RedisServer, messages: int) -> str:
    """What is published on any channel."""
    with redis.client() as client, client.pubsub() as listening:  # type: ignore[no-untyped-call]
        listening.psubscribe("*")
        return "\n".join(map(repr, itertools.islice(listening.listen(), messages)))


@pytest.mark.parametrize(("scheme", "log_format"), [("basic", "text"), ("digest", "json")])
def test_nothing_that_a_node_shows_holds_a_credential(
    clip: Clip,
    redis: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    scheme: Literal["basic", "digest"],
    log_format: str,
) -> None:
    """Logs at debug, Redis, page, metrics, health, files, processes, ``vision check``."""
    need_model()
    canary = f"canary/{secrets.token_hex(8)}"
    monkeypatch.setenv("CANARY", canary)
    known = Credentials(USERNAME, PASSWORD, scheme)
    with (
        Server({"front": clip, "yard": clip}, credentials=known) as cameras,
        running_sentry() as sentry,
    ):
        urls = {name: cameras.url(name) for name in ("front", "yard")}
        settings = {
            "redis": {"url": redis.settings().url},
            "web": {"port": 0},
            "logs": {"level": "debug", "format": log_format},
            "run_dir": str(tmp_path / "run"),
            "cameras": {name: {"url": url, "auth": "required"} for name, url in urls.items()},
        }
        files = {
            "redis_password": REDIS_PASSWORD,
            "web_token": WEB_TOKEN,
            **{f"camera_{name}_username": USERNAME for name in urls},
            "camera_front_password": PASSWORD,
            "camera_yard_password": WRONG,
        }
        if _HAS_SENTRY:
            files["sentry_dsn"] = sentry.dsn(SENTRY_KEY)
        with running_node(tmp_path, settings, **files) as node:
            node.wait_for_log("state=auth_failed")
            node.wait_for_log("state=online")
            wait_until(lambda: "vision:detections" in redis_contents(redis), "detections")
            get = page(node)
            seen = {
                "channels": channels(redis, 6),
                "processes": processes(node),
                "page": get(""),
                "api": get("api/cameras"),
                "readyz": get("readyz"),
                "events": first_events(node),
                "metrics": get("metrics"),
                "missing": get("api/cameras/none/snapshot.jpg"),
                "check": command(tmp_path, "check"),
                "healthcheck": command(tmp_path, "healthcheck"),
                "run_dir": "".join(file.read_text() for file in (tmp_path / "run").iterdir()),
            }
            cameras.cut()
            node.wait_for_log("state=reconnecting")
            seen["database"] = redis_contents(redis)
            with redis.client() as client:
                client.config_set("requirepass", "another")
                client.client_kill_filter(_type="normal", skipme=True)
            node.wait_for_log("it refused the login")
            kill_a_worker(node)
            node.wait_for_log("ingest.worker_lost")
            assert node.stop() == 0
        seen["log"] = node.log
        # Sentry's own client sends the key in a header, which is what it is for.
        seen["sentry"] = "\n".join(map(str, sentry.events()))
    for place, proof in {
        "channels": "vision.detections/1",
        "processes": "spawn_main",
        "page": "<html",
        "api": '"auth_failed"',
        "readyz": "yard is auth_failed",
        "events": '"redis":"connected"',
        "metrics": "vision_camera_state",
        "missing": "404",
        "check": "camera yard: auth_failed",
        "healthcheck": "healthy",
        "run_dir": '"reasons"',
        "database": "auth_failed",
        "log": "node.stopped",
        "sentry": "ingest.worker_lost" if _HAS_SENTRY else "",
    }.items():
        assert proof in seen[place], f"{place}: {seen[place]}"
    for place, text in seen.items():
        assert not shown_in(text, *ALL), place
    assert shown_in(seen["processes"], canary), "what stands in an environment is found"
