"""``cameras.d``: files laid over the cameras of the settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision.config.loader import load_settings
from vision.config.watch import SettingsWatch
from vision.domain.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a camera in ``vision.yaml`` and an empty ``cameras.d``."""
    (tmp_path / "vision.yaml").write_text(
        "cameras:\n  front: {url: rtsp://a/1, fps: 3, motion: {hold_s: 7}}\n"
    )
    (tmp_path / "cameras.d").mkdir()
    return tmp_path


def test_a_file_changes_single_keys_of_a_camera(folder: Path) -> None:
    (folder / "cameras.d" / "front.yaml").write_text("fps: 9\nmotion: {enabled: true}\n")
    front = load_settings(folder / "vision.yaml", {}).cameras["front"]
    assert (front.url, front.fps) == ("rtsp://a/1", 9)
    assert (front.motion.enabled, front.motion.hold_s) == (True, 7)


def test_a_file_can_be_a_camera_of_its_own(folder: Path) -> None:
    (folder / "cameras.d" / "yard.yaml").write_text("url: rtsp://b/\n")
    assert [*load_settings(folder / "vision.yaml", {}).cameras] == ["front", "yard"]


def test_files_of_editors_and_folders_of_configmaps_are_left_alone(folder: Path) -> None:
    for name in (".front.yaml.swp", "front.yaml~", ".#front.yaml", "notes.txt"):
        (folder / "cameras.d" / name).write_text("no: camera\n")
    (folder / "cameras.d" / "..data").mkdir()
    assert [*load_settings(folder / "vision.yaml", {}).cameras] == ["front"]


def test_the_folder_can_be_named_by_the_settings_or_a_variable(folder: Path) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    (other / "gate.yaml").write_text("url: rtsp://c/\n")
    found = load_settings(folder / "vision.yaml", {"VISION_CAMERAS_DIR": str(other)})
    assert "gate" in found.cameras


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("front.yaml", "", "cameras.d/front.yaml: is empty"),
        ("front.yaml", "fps: x", "cameras.d/front.yaml: fps: "),
        ("front.yaml", "motion: {hold: 1}", "cameras.d/front.yaml: motion.hold: unknown key"),
        ("front.yaml", "- fps", "cameras.d/front.yaml: must be a mapping"),
        ("front.yaml", "fps: [", "cameras.d/front.yaml: line "),
        ("yard.yaml", "fps: 1", "cameras.d/yard.yaml: url: is missing"),
        ("Yard.yaml", "url: rtsp://b/", "cameras.d/Yard.yaml: a camera's name"),
        ("yard.yaml", "url: rtsp://u:p@b/", "cameras.d/yard.yaml: url: "),
        ("yard.yaml", "url: rtsp://b/\nschedule: [now]", "cameras.d/yard.yaml: schedule.0: "),
        ("yard.yaml", "url: rtsp://b/\nuntil: 2026-01-01T00:00:00", "yard.yaml: until: "),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(
    folder: Path, name: str, text: str, complaint: str
) -> None:
    (folder / "cameras.d" / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(folder / "vision.yaml", {})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_change_of_the_files_is_noticed_once(folder: Path) -> None:
    watch = SettingsWatch(folder / "vision.yaml", folder / "cameras.d")
    assert not watch.has_changed()
    file = folder / "cameras.d" / "front.yaml"
    file.write_text("fps: 4\n")
    assert watch.has_changed()
    assert not watch.has_changed()
    (folder / "new").write_text("fps: 5\n")
    (folder / "new").replace(file)
    assert watch.has_changed()
    file.unlink()
    assert watch.has_changed()
    (folder / "vision.yaml").write_text("cameras: {}\n")
    assert watch.has_changed()


def test_a_configmap_that_swaps_its_symlink_is_noticed(tmp_path: Path) -> None:
    for version, fps in (("..1", 1), ("..2", 2)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "front.yaml").write_text(f"url: rtsp://a/\nfps: {fps}\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "front.yaml").symlink_to("..data/front.yaml")
    watch = SettingsWatch(None, tmp_path)
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert watch.has_changed()
    found = load_settings(None, {"VISION_CAMERAS_DIR": str(tmp_path)})
    assert found.cameras["front"].fps == 2
