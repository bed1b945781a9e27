"""A quantised build made of what the user has: a simulated camera and a clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.clip import Clip
from simulator.server import Server
from tests.support import networks
from tests.support.clips import make_clip
from vision.config.loader import settings_from
from vision.domain.errors import SourceError
from vision.models.catalogue import Catalogue
from vision.models.folders import Folders
from vision.models.manifest import Export, record_export
from vision.models.progress import NoProgress
from vision.models.store import ModelStore
from vision.runtime.commands.quantizing import quantize

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    networks.needs_nncf,
]
_ENTRY = networks.entry()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store with a float build that is known."""
    models = tmp_path / "models"
    models.mkdir()
    file = networks.convolving_network(models)
    record_export(models, Export("colours", file.path.name, file.sha256, "b" * 64, "now", "a test"))
    catalogue = Catalogue(1, ("colours",), {"colours": _ENTRY}, {})
    return ModelStore(catalogue, Folders(models, tmp_path / "cache"))


def test_a_camera_and_a_clip_are_calibrated_on(store: ModelStore, tmp_path: Path) -> None:
    """Neither of them alone has pictures enough here."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=1)
    with Server({"front": Clip.load(clip)}) as server:
        cameras = {"front": {"url": server.url("front")}}
        settings = settings_from({"cameras": cameras, "model": {"input_size": 64}}, "the test", {})
        made = quantize(
            _ENTRY, store, settings, NoProgress(), paths=[clip], cameras=["front"], record_s=3
        )
    assert store.quantised(_ENTRY) == made


def test_a_camera_that_is_not_there_is_named(store: ModelStore) -> None:
    """Nothing is made, and the line holds no address."""
    cameras = {"front": {"url": "rtsp://127.0.0.1:9/x"}}
    settings = settings_from({"cameras": cameras}, "the test", {})
    with pytest.raises(SourceError, match="camera front") as raised:
        quantize(_ENTRY, store, settings, NoProgress(), paths=[], cameras=["front"], record_s=1)
    assert "rtsp" not in str(raised.value)
    assert store.quantised(_ENTRY) is None
