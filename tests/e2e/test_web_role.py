"""The live page of the distributed form: a process that reads Redis and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

from simulator import Server
from tests.support.browser import chromium, opened
from tests.support.redis_server import RedisServer
from tests.support.site import Role, Site, cameras_with_objects, running_site
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_FPS = 5


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two cameras that pan over people."""
    with cameras_with_objects(tmp_path_factory.mktemp("clips"), _FPS) as server:
        yield server


@pytest.fixture
def site(cameras: Server, redis: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """Both cameras and an inference worker."""
    settings = {
        "cameras": {
            name: {"url": cameras.url(name), "fps": _FPS, "auth": "none"}
            for name in ("front", "yard")
        }
    }
    with running_site(tmp_path / "site", redis, settings) as site:
        site.role("infer")
        for name in ("front", "yard"):
            site.role("ingest", "--camera", name)
            site.wait_for_messages(name, 2)
        yield site


def page_of(site: Site) -> tuple[Role, str]:
    """A web role and the address of its page."""
    role = site.role("web", VISION_WEB__ENABLED="true", VISION_WEB__PORT="0")

    def address() -> re.Match[str] | None:
        return re.search(r'web\.started.*page=(http://[^\s"]+)', role.log)

    wait_until(lambda: address() is not None, f"the page:\n{role.log}")
    found = address()
    assert found
    return role, found[1]


def reasons(client: httpx.Client) -> list[str]:
    """Why the page is not ready, by its probe; one empty reason where it is asked too often."""
    answer = client.get("readyz")
    is_refused = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    return [""] if is_refused else answer.json()["reasons"] or [""]


def test_the_page_knows_and_shows_what_the_others_do(site: Site, redis: RedisServer) -> None:
    """States, figures and pictures; not ready while Redis is away; a clean end."""
    role, url = page_of(site)
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        wait_until(lambda: client.get("readyz").status_code == 200, "readiness")

        def both_infer() -> bool:
            views = client.get("api/cameras").json()["cameras"]
            return [view["name"] for view in views if view["fps_inferred"]] == ["front", "yard"]

        wait_until(both_infer, "both cameras")
        with redis.client() as admin:
            assert admin.pubsub_numsub("vision:picture:{front}")[0][1] == 0
        answers: list[httpx.Response] = []

        def is_shown() -> bool:
            # A busy machine may infer no frame in the time that a request waits for one.
            answers.append(client.get("api/cameras/front/snapshot.jpg", params={"boxes": 1}))
            return answers[-1].status_code == 200

        wait_until(is_shown, "a picture of front")
        picture = cv2.imdecode(np.frombuffer(answers[-1].content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[1] == 640
        redis.kill()
        wait_until(lambda: client.get("readyz").status_code == 503, "the loss of Redis")
        # Each of its connections finds out by itself.
        wait_until(lambda: "does not answer" in reasons(client)[-1], "the reason")
        assert client.get("livez").status_code == 200
        redis.restart()
        wait_until(lambda: client.get("readyz").status_code == 200, "readiness again")
        wait_until(both_infer, "both cameras again")
    wait_until(lambda: site.command("healthcheck").returncode == 0, "health")
    assert role.stop() == 0
    assert not list((site.folder / "run").glob("web*"))


def test_a_browser_sees_boxes_and_a_stall(site: Site, cameras: Server) -> None:
    """As on the page of a node: people framed on both cameras, a stalled one first."""
    _, url = page_of(site)
    with chromium() as browser, opened(browser, url) as screen:

        def is_framed(camera: str) -> bool:
            look = screen.look(camera)
            return look is not None and look.drawn("person") > 0

        for camera in ("front", "yard"):
            wait_until(partial(is_framed, camera), f"a framed person on {camera}", 120)
        faults = cameras.cameras["yard"].faults
        faults.stall = True
        try:
            wait_until(lambda: screen.state("yard") == "Stalled", "the stall on the page")
            assert screen.order() == ["yard", "front"]
            expect(screen.page.locator("#reasons")).to_contain_text("yard is stalled")
        finally:
            faults.stall = False
        wait_until(lambda: screen.state("yard") == "Online", "the end of the stall")


def test_a_page_that_is_turned_off_is_one_line(site: Site) -> None:
    """The role has nothing else to do: it says so instead of idling."""
    answer = site.command("web")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].startswith("error: web.enabled is false: ")
