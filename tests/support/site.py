"""Roles as processes that share one configuration: the distributed form on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator import Clip, Server
from simulator.pan import encode_pan
from tests.support.node import models_variable, validate
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.secrets import write_secret
from vision.domain.errors import ArtefactError
from vision.inference.backends import choose_model
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.pull import pull_clip
from vision.models.store import ModelStore

# A dozen processes that start at once, on as few cores as there are.
_START_S = 4 * PATIENCE_S


def need_model() -> None:
    """Skip the test where no model can be had, with the reason."""
    variable = models_variable().get("VISION_MODELS_DIR")
    store = ModelStore(load_catalogue(), Folders.of(Path(variable) if variable else None))
    try:
        choose_model("auto", store, NoProgress(), None)
    except ArtefactError as error:
        pytest.skip(f"no model: {error}")


def clip_with_objects(folder: Path) -> Path:
    """A clip in which the models see something, as a camera sends it: without B-frames.

    Skips where the photograph it is made of cannot be had.
    """
    try:
        picture = pull_clip(load_catalogue().clips["bus"], Folders.of(None), NoProgress())
    except ArtefactError as error:
        pytest.skip(f"no clip: {error}")
    encode_pan(picture, folder / "pan.mp4")
    return folder / "pan.mp4"


@contextmanager
def cameras_with_objects(
    folder: Path, fps: int, names: Sequence[str] = ("front", "yard")
) -> Iterator[Server]:
    """Cameras that pan over the same people, from the beginning for each viewer.

    Skips where there is no model to see them.
    """
    need_model()
    clip = Clip.load(clip_with_objects(folder), fps)
    with Server(dict.fromkeys(names, clip)) as server:
        yield server


class Role:
    """One ``vision`` process of a site, off and on."""

    def __init__(
        self, folder: Path, arguments: tuple[str, ...], variables: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._arguments = arguments
        self._variables = variables
        self._log = folder / f"{'-'.join(arguments).replace('--', '')}.log"
        self.start()

    @property
    def log(self) -> str:
        """All it said on both outputs."""
        return self._log.read_text()

    def start(self) -> None:
        """Start it, again after :meth:`stop` or :meth:`kill`."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vision", *self._arguments],
                cwd=self._folder,
                env=_environment(self._variables),
                stdout=log,
                stderr=log,
            )

    def stop(self) -> int:
        """End it as Docker does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End it hard."""
        self.process.kill()
        self.process.wait()


class Site:
    """A folder with settings and secrets, and the roles that use it."""

    def __init__(self, folder: Path, redis: RedisServer, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.redis = redis
        self.roles: list[Role] = []
        (folder / "secrets").mkdir(mode=0o700)
        write_secret(folder / "secrets" / "redis_password", redis.password)
        common = {
            "redis": {"url": redis.settings().url},
            "web": {"enabled": False},
            "run_dir": str(folder / "run"),
        }
        (folder / "vision.yaml").write_text(yaml.safe_dump(common | dict(settings)))
        # A variable would win over the models that the settings name.
        self._variables = {} if "models_dir" in settings else models_variable()

    def role(self, *arguments: str, **variables: str) -> Role:
        """Start a role; ``variables`` change its settings."""
        self.roles.append(Role(self.folder, arguments, self._variables | variables))
        return self.roles[-1]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that ends by itself."""
        return subprocess.run(
            [sys.executable, "-m", "vision", *arguments],
            cwd=self.folder,
            env=_environment(self._variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def messages(self, camera: str) -> list[dict[str, Any]]:
        """What is on a camera's stream, each checked against its schema."""
        with self.redis.client() as client:
            stream: Any = client.xrange(f"vision:detections:{{{camera}}}")
        return [validate(fields[b"message"]) for _, fields in stream]

    def wait_for_messages(self, camera: str, more: int) -> None:
        """Wait until so many further messages are on a camera's stream."""
        self.wait_for_all([camera], more)

    def wait_for_all(self, cameras: Sequence[str], more: int) -> None:
        """The same for several, which go on at the same time."""
        keys = [f"vision:detections:{{{camera}}}" for camera in cameras]
        with self.redis.client() as client:
            wanted = {key: client.xlen(key) + more for key in keys}
            for key in keys:
                wait_until(
                    lambda key=key: client.xlen(key) >= wanted[key],  # type: ignore[misc]
                    f"{more} messages of {key}:\n{self.logs()}",
                    _START_S,
                )

    def logs(self) -> str:
        """The end of what all roles said."""
        return "\n".join(role.log[-2000:] for role in self.roles)


@contextmanager
def running_site(folder: Path, redis: RedisServer, settings: Mapping[str, Any]) -> Iterator[Site]:
    """A site for the length of a test; whatever still runs is ended."""
    folder.mkdir(exist_ok=True)
    site = Site(folder, redis, settings)
    try:
        yield site
    finally:
        for role in site.roles:
            if role.process.poll() is None:
                role.kill()


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
    return clean | dict(variables)
