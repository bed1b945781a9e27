"""A simulated camera for the tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.clip import Clip
from simulator.server import Server
from tests.support.clips import make_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clips of a module lie."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    """Two seconds at 10 fps whose frames carry their number."""
    return Clip.load(make_clip(folder / "moving.mp4"))


@pytest.fixture
def server(clip: Clip) -> Iterator[Server]:
    """A camera without credentials."""
    with Server({"front": clip}) as server:
        yield server
