"""Cameras come, change and go while the roles run, and the others notice nothing of it."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.redis_server import RedisServer
from tests.support.site import Site, running_site
from tests.support.small_model import small_model
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_NAMES = ("front", "yard", "gate", "side")


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four cameras."""
    folder = tmp_path_factory.mktemp("clips")
    clip = Clip.load(make_clip(folder / "clip.mp4", fps=10))
    with Server(dict.fromkeys(_NAMES, clip)) as server:
        yield server


@pytest.fixture(params=["run", "ingest and infer"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, redis: RedisServer, cameras: Server
) -> Iterator[Site]:
    """The node, or the roles of the distributed form, with two cameras."""
    settings = {
        "models_dir": str(small_model(tmp_path / "models")),
        "cameras": {name: {"url": cameras.url(name), "fps": 5} for name in ("front", "yard")},
    }
    with running_site(tmp_path / "site", redis, settings) as site:
        (site.folder / "cameras.d").mkdir()
        if request.param == "run":
            site.role("run")
        else:
            site.role("ingest", "--all")
            site.role("infer")
        site.wait_for_all(["front", "yard"], 3)
        yield site


def write(site: Site, camera: str, text: str) -> None:
    """Put a camera file there as an editor does: beside it, then in its place."""
    beside = site.folder / f"{camera}.new"
    beside.write_text(text)
    beside.replace(site.folder / "cameras.d" / f"{camera}.yaml")


def states(site: Site, camera: str) -> list[str]:
    """The states of a camera that were told, in order."""
    with site.redis.client() as client:
        stream: Any = client.xrange(f"vision:status:{{{camera}}}")
    return [json.loads(fields[b"message"])["state"] for _, fields in stream]


def wait_for(site: Site, condition: Callable[[], bool], what: str) -> None:
    """Wait for something the roles do."""
    wait_until(condition, f"{what}: see the logs of {site.folder}")


def assert_undisturbed(site: Site, camera: str) -> None:
    """One run, in order, and no frame missing that ``skipped`` does not explain."""
    messages = site.messages(camera)
    assert len({message["run"] for message in messages}) == 1
    for earlier, later in itertools.pairwise(messages):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]


def test_cameras_come_change_and_go_while_the_others_go_on(site: Site, cameras: Server) -> None:
    write(site, "gate", f"url: {cameras.url('gate')}\nfps: 5\n")
    site.wait_for_messages("gate", 3)
    # Another rate needs no new connection.
    write(site, "gate", f"url: {cameras.url('gate')}\nfps: 2\n")
    site.wait_for_messages("gate", 3)
    assert len({message["run"] for message in site.messages("gate")}) == 1
    # Another address does.
    write(site, "gate", f"url: {cameras.url('side')}\nfps: 2\n")
    wait_for(
        site,
        lambda: len({message["run"] for message in site.messages("gate")}) == 2,
        "another run of gate",
    )
    write(site, "gate", f"url: {cameras.url('side')}\nenabled: false\n")
    wait_for(site, lambda: states(site, "gate")[-1] == "disabled", "gate is off")
    write(site, "gate", f"url: {cameras.url('side')}\n")
    wait_for(site, lambda: states(site, "gate")[-1] == "online", "gate is on again")
    (site.folder / "cameras.d" / "gate.yaml").unlink()
    wait_for(site, lambda: states(site, "gate")[-1] == "removed", "gate is gone")
    assert states(site, "gate").count("removed") == 1
    site.wait_for_all(["front", "yard"], 3)
    for camera in ("front", "yard"):
        assert_undisturbed(site, camera)


def test_wrong_settings_change_nothing_and_are_told_in_one_line(site: Site) -> None:
    write(site, "front", "fps: fast\n")
    wait_for(site, lambda: "config.reload_refused" in site.logs(), "the refusal")
    asked = site.command("reload")
    assert asked.returncode == 2
    (line,) = asked.stderr.splitlines()
    assert "cameras.d/front.yaml: fps" in line
    site.wait_for_all(["front", "yard"], 3)
    (site.folder / "cameras.d" / "front.yaml").unlink()
    asked = site.command("reload")
    assert asked.returncode == 0, asked.stderr
    assert "reloaded" in asked.stdout
    for camera in ("front", "yard"):
        assert_undisturbed(site, camera)


def test_settings_that_hold_from_the_next_start_on_are_named(site: Site) -> None:
    config = site.folder / "vision.yaml"
    config.write_text(config.read_text() + "inference: {max_wait_ms: 11}\n")
    wait_for(
        site,
        lambda: "inference.max_wait_ms" in site.command("reload").stdout,
        "the key that needs a restart",
    )


def test_hundreds_of_changes_end_in_the_last_one(site: Site, cameras: Server) -> None:
    for number in range(400):
        write(site, "gate", f"url: {cameras.url('gate')}\nfps: {1 + number % 5}\n")
    write(site, "gate", f"url: {cameras.url('gate')}\nfps: 5\nenabled: false\n")
    wait_for(site, lambda: states(site, "gate")[-1:] == ["disabled"], "gate is off")
    site.wait_for_all(["front", "yard"], 3)
    for camera in ("front", "yard"):
        assert_undisturbed(site, camera)


def test_a_file_that_an_editor_empties_first_changes_nothing_until_it_is_whole(site: Site) -> None:
    path = site.folder / "cameras.d" / "front.yaml"
    path.write_text("")
    wait_for(site, lambda: "is empty" in site.logs(), "the refusal")
    path.write_text("fps: 4\n")
    wait_for(site, lambda: "camera=front" in site.logs().rpartition("camera.retune")[2], "the rate")
    site.wait_for_all(["front", "yard"], 3)
    for camera in ("front", "yard"):
        assert_undisturbed(site, camera)


def test_a_hang_up_without_a_terminal_asks_for_the_settings(site: Site) -> None:
    for role in site.roles:
        role.process.send_signal(signal.SIGHUP)
    wait_for(
        site,
        lambda: all("config.reloaded changed=none" in plain(role.log) for role in site.roles),
        "the reload",
    )
    site.wait_for_all(["front", "yard"], 3)


def plain(log: str) -> str:
    """A JSON log with event and text beside each other."""
    return log.replace('","text":"', " ")
