"""The life cycle of a role, with small roles in place of real ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.config.settings import Settings
from vision.domain.errors import ConfigError, InferenceError
from vision.domain.noop import noop
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness, readings_in
from vision.runtime.roles.service import Service
from vision.telemetry.metrics import NodeMetrics

ALL_STEPS = [
    "start",
    "start cameras",
    "fake.started name=x color=blue metrics=None",
    "fake.stopping name=x",
    "stop",
    "close",
    "fake.stopped name=x done=2",
]


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings of a role that keeps its files in ``folder``."""
    secrets_dir = folder / "secrets"
    secrets_dir.mkdir(mode=0o700, exist_ok=True)
    places = {"secrets_dir": str(secrets_dir), "run_dir": str(folder / "run")}
    return settings_from(places | more, "test", {})


class FakeRole(Service):
    """Notes what it is asked to do; ``work`` is done by a thread, ``check`` twice a second."""

    def __init__(
        self,
        settings: Settings,
        work: Callable[[threading.Event], None] = noop,
        check: Callable[[], None] = noop,
        start: Callable[[RoleThreads], None] = noop,
    ) -> None:
        super().__init__(
            settings,
            "fake x",
            log_prefix="fake",
            log_fields={"name": "x"},
            cameras=settings.cameras,
        )
        self.expose(NodeMetrics(lambda: (), "web", troubles=self.troubles))
        self.steps: list[str] = []
        self.check = check
        self.work = work
        self._on_start = start

    def _start(self, threads: RoleThreads) -> None:
        self.steps.append("start")
        self._on_start(threads)
        threads.start("work", self.work, threads.stop)

    def _start_cameras(self) -> None:
        self.steps.append("start cameras")

    def _start_fields(self) -> Mapping[str, object]:
        return {"color": "blue"}

    def _check(self) -> None:
        self.check()

    def _read_liveness(self) -> Liveness:
        return Liveness(role=self.role, facts=("busy",))

    def _stop(self, threads: RoleThreads) -> None:
        threads.join("work")
        self.steps.append("stop")

    def _close(self) -> None:
        self.steps.append("close")

    def _stop_fields(self) -> Mapping[str, object]:
        return {"done": 2}


class _Notes(logging.Handler):
    """Puts the lines of a role among its other steps."""

    def __init__(self, role: FakeRole) -> None:
        super().__init__()
        self._role = role

    def emit(self, record: logging.LogRecord) -> None:
        self._role.steps.append(record.getMessage())


def run(role: FakeRole, stop: threading.Event) -> list[str]:
    """What happens from the start to the end, log lines of the role included."""
    log, notes = logging.getLogger(__name__), _Notes(role)
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    try:
        role.run(stop)
    finally:
        log.removeHandler(notes)
    return role.steps


def test_a_role_starts_and_stops_in_order(tmp_path: Path) -> None:
    """Each step once, the log lines between them."""
    stop, worked = threading.Event(), threading.Event()

    def work(ended: threading.Event) -> None:
        ended.wait()
        worked.set()

    role = FakeRole(settings_in(tmp_path), work, stop.set)
    assert run(role, stop) == ALL_STEPS
    assert worked.is_set()


def test_the_liveness_file_is_there_while_the_role_is_at_work(tmp_path: Path) -> None:
    """And gone after a clean end."""
    stop, found = threading.Event(), list[Liveness | None]()

    def check() -> None:
        # Written after the first check, so that the second one finds it.
        found.extend(reading.liveness for reading in readings_in(tmp_path / "run"))
        if found:
            stop.set()

    role = FakeRole(settings_in(tmp_path), check=check)
    run(role, stop)
    assert found == [Liveness(role="fake x", facts=("busy",))]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_thread_that_fails_ends_the_role_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is raised once all others have ended."""

    def fail(_: threading.Event) -> None:
        raise InferenceError("the engine is gone")

    stop, role = threading.Event(), FakeRole(settings_in(tmp_path), fail)
    with pytest.raises(InferenceError, match="the engine is gone"):
        run(role, stop)
    assert stop.is_set()
    assert role.steps == ALL_STEPS
    assert "role.part_failed part=work" in caplog.text
    assert list((tmp_path / "run").iterdir()) == []


def test_a_failure_on_the_way_down_is_raised_at_the_end(tmp_path: Path) -> None:
    """No step is left out for it."""

    def fail_late(ended: threading.Event) -> None:
        ended.wait()
        raise InferenceError("could not finish")

    stop = threading.Event()
    role = FakeRole(settings_in(tmp_path), fail_late, stop.set)
    with pytest.raises(InferenceError, match="could not finish"):
        run(role, stop)
    assert role.steps == ALL_STEPS


def test_a_stop_while_it_starts_ends_all_that_was_started(tmp_path: Path) -> None:
    """The start is completed first; nothing is checked any more."""
    stop, checks = threading.Event(), list[str]()
    role = FakeRole(
        settings_in(tmp_path),
        lambda ended: noop(ended.wait()),
        lambda: checks.append("checked"),
        lambda threads: threads.stop.set(),
    )
    assert run(role, stop) == ALL_STEPS
    assert checks == []


def test_metrics_are_served_until_the_threads_have_ended(tmp_path: Path) -> None:
    """What happens on the way down can be read still."""
    stop, answers = threading.Event(), list[int]()
    settings = settings_in(tmp_path, metrics={"host": "127.0.0.1", "port": 0})
    role = FakeRole(settings)

    def ask(ended: threading.Event) -> None:
        ended.wait()
        answers.append(httpx.get(str(role.metrics_url)).status_code)

    role.work, role.check = ask, stop.set
    run(role, stop)
    assert answers == [200]
    with pytest.raises(httpx.ConnectError):
        httpx.get(str(role.metrics_url))


def test_a_secret_that_is_missing_is_told_before_anything_starts(tmp_path: Path) -> None:
    """Those of its cameras, and the password of Redis."""
    camera = {"url": "rtsp://127.0.0.1/x", "auth": "required"}
    settings = settings_in(tmp_path, cameras={"front": camera})
    with pytest.raises(ConfigError, match="camera_front_username"):
        FakeRole(settings)
    write_secret(tmp_path / "secrets" / "camera_front_username", "operator")
    write_secret(tmp_path / "secrets" / "camera_front_password", "a long password")
    FakeRole(settings)
    (tmp_path / "secrets" / "redis_password").touch(mode=0o600)
    with pytest.raises(ConfigError, match="redis_password"):
        FakeRole(settings)


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    """The port is bound by the constructor."""
    role = FakeRole(settings_in(tmp_path, metrics={"host": "127.0.0.1", "port": 0}))
    assert role.metrics_url is not None
    port = httpx.URL(role.metrics_url).port
    with pytest.raises(ConfigError, match=f"{port}"):
        FakeRole(settings_in(tmp_path, metrics={"host": "127.0.0.1", "port": port}))
    stop = threading.Event()
    stop.set()
    run(role, stop)
