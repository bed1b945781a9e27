"""Every mistake in the configuration is one line that names file, key and remedy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.config import load_settings, settings_from
from vision.config.reference import known_keys, setting_rows
from vision.domain.errors import ConfigError

CAMERA = {"url": "rtsp://10.0.0.20:554/stream2"}


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"camera": {}}, ["vision.yaml: camera: unknown key", "did you mean 'cameras'"]),
        (
            {"snapshots": {"dir": "pictures"}},
            ["vision.yaml: snapshots: unknown key", "write it as 'events.snapshots'"],
        ),
        ({"cameras": {"front": CAMERA | {"fsp": 3}}}, ["cameras.front.fsp", "'fps'"]),
        ({"cameras": {"front": {}}}, ["cameras.front.url", "missing"]),
        ({"cameras": {"front": CAMERA | {"fps": 0}}}, ["cameras.front.fps", "greater than 0"]),
        ({"cameras": {"Front door": CAMERA}}, ["cameras.Front door", "Redis keys"]),
        ({"cameras": {"a}b": CAMERA}}, ["cameras.a}b", "Redis keys"]),
        ({"cameras": {"a__b": CAMERA}}, ["cameras.a__b", "Redis keys"]),
        ({"cameras": {"front": {"url": "http://host/x"}}}, ["cameras.front.url", "rtsp://"]),
        ({"cameras": {"front": {"url": "rtsp://host:99999/"}}}, ["cameras.front.url", "rtsp://"]),
        ({"redis": {"url": "http://host"}}, ["redis.url", "redis://host"]),
        ({"model": {"input_size": 100}}, ["model.input_size", "multiple of 32"]),
    ],
)
def test_a_mistake_is_one_line_with_key_and_remedy(
    values: dict[str, object], parts: list[str]
) -> None:
    """Each mistake names its key and what to do."""
    with pytest.raises(ConfigError) as caught:
        settings_from(values, "vision.yaml", {})
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("vision.yaml: ")
    assert all(part in line for part in parts), line


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://cam.user:hunter2@host/x",
        "rtsp://us%40er:hunter2@host/x",
        "rtsp://:hunter2@host/x",
        "rtsp://user:hunter2/with-slash@host/x",
        "rtsp://user:hunter2#x@host/x",
        "rtsp://host/x?usr=a&pwd=hunter2",
        "rtsp://host/x?token=hunter2",
    ],
)
def test_a_credential_in_a_camera_url_is_refused_and_not_repeated(url: str) -> None:
    """The message names the remedy and holds nothing of the credential."""
    with pytest.raises(ConfigError, match="secret file") as caught:
        settings_from({"cameras": {"front": {"url": url}}}, "vision.yaml", {})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["redis://:hunter2@h/0", "redis://h/0?password=hunter2"])
def test_a_credential_in_the_redis_url_is_refused(url: str) -> None:
    """Redis' password comes from its secret file only."""
    with pytest.raises(ConfigError, match="redis_password") as caught:
        settings_from({"redis": {"url": url}}, "vision.yaml", {})
    assert "hunter2" not in str(caught.value)


def test_placeholders_for_credentials_are_allowed() -> None:
    """A camera that wants its credentials in the query gets them from the secret files."""
    url = "rtsp://host/live?user={username}&pwd={password}"
    assert settings_from({"cameras": {"front": {"url": url}}}, "x", {}).cameras["front"].url == url


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("VISION_MODLE__NAME", "VISION_MODEL__NAME"),
        ("VISION_CAMERAS__FRONT__FSP", "VISION_CAMERAS__NAME__FPS"),
        ("VISION_REDIS__PASSWORD", "secret files"),
        ("VISION_XYZ", "vision settings"),
        ("VISION_SNAPSHOTS", "moved: set VISION_EVENTS__SNAPSHOTS instead"),
        ("VISION_SNAPSHOTS__MAX_MIB", "moved: set VISION_EVENTS__SNAPSHOTS__MAX_MIB instead"),
    ],
)
def test_an_unknown_variable_is_an_error(variable: str, remedy: str) -> None:
    """A mistyped name would otherwise go unnoticed."""
    with pytest.raises(ConfigError, match=remedy) as caught:
        settings_from({}, "vision.yaml", {variable: "1"})
    assert variable in str(caught.value)


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single key can be replaced without touching the file."""
    path = tmp_path / "vision.yaml"
    path.write_text("cameras:\n  front: {url: 'rtsp://h/1', fps: 5}\n")
    monkeypatch.setenv("VISION_CAMERAS__FRONT__FPS", "2")
    camera = load_settings(path).cameras["front"]
    assert (camera.url, camera.fps) == ("rtsp://h/1", 2.0)


def test_a_wrong_variable_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line points to the variable, not to a file that is right."""
    monkeypatch.setenv("VISION_WEB__PORT", "70000")
    with pytest.raises(ConfigError, match="environment: VISION_WEB__PORT: "):
        settings_from({}, "vision.yaml")


def test_two_cameras_of_one_name_are_refused_with_their_lines(tmp_path: Path) -> None:
    """YAML's usual loader would silently keep the second one."""
    path = tmp_path / "vision.yaml"
    path.write_text(
        "cameras:\n  front: {url: 'rtsp://h/1'}\n  yard: {url: 'rtsp://h/2'}\n"
        "  front: {url: 'rtsp://h/3'}\n"
    )
    with pytest.raises(ConfigError, match="line 4: 'front' stands twice, first in line 2"):
        load_settings(path)


@pytest.mark.parametrize(
    ("text", "part"),
    [("cameras: [", "line 1"), ("- a\n", "mapping"), ("cameras:\n\tfront: 1\n", "line 2")],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, part: str) -> None:
    """Syntax errors name the line."""
    path = tmp_path / "vision.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=part) as caught:
        load_settings(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """A path that does not exist says how to name another."""
    with pytest.raises(ConfigError, match="--config"):
        load_settings(tmp_path / "none.yaml")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_gives_settings_or_one_line(text: str) -> None:
    """Whatever stands in the file, the loader answers in its own words."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        try:
            load_settings(Path(file.name), {})
        except ConfigError as error:
            line = str(error)
        else:
            line = ""
    assert "\n" not in line


def test_every_setting_has_a_meaning_and_a_key() -> None:
    """The table of the README and the check of variables rest on these rows."""
    assert all(row.meaning and row.default for row in setting_rows())
    assert {"redis.url", "cameras.*.url", "cameras.*.tls.verify", "models_dir"} <= known_keys()
