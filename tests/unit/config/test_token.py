"""A token follows its file: what is replaced holds at once, what is broken changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from vision.config.secrets import SecretFiles, write_secret
from vision.config.token import TokenFile
from vision.domain.errors import ConfigError

_NAME = "web_token"


class _Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class _Door:
    """A token of a file in a folder of its own."""

    def __init__(self, folder: Path, value: str | None = "first-token") -> None:
        self.path = folder / _NAME
        if value is not None:
            self.write(value)
        self.known: list[str] = []
        self.clock = _Clock()
        self.secrets = SecretFiles(folder, lambda *values: self.known.extend(values))
        self.token = TokenFile(self.secrets, _NAME, self.clock)

    def write(self, value: str) -> None:
        """Into the same file, as a mount wants it."""
        self.path.touch(mode=0o600)
        self.path.write_text(value)

    def value(self) -> str | None:
        token = self.token()
        return token.get_secret_value() if token else None


def _replaced(door: _Door, value: str) -> None:
    beside = door.path.with_name("beside")
    beside.touch(mode=0o600)
    beside.write_text(value)
    beside.replace(door.path)


def _linked(door: _Door, value: str) -> None:
    """As an orchestrator does: a link to the newest of several folders."""
    folder = door.path.with_name(f"of-{value}")
    folder.mkdir()
    (folder / _NAME).touch(mode=0o600)
    (folder / _NAME).write_text(value)
    beside = door.path.with_name("link")
    beside.symlink_to(folder / _NAME)
    beside.replace(door.path)


@pytest.mark.parametrize("replace", [_Door.write, _replaced, _linked])
def test_a_new_value_holds_at_once(tmp_path: Path, replace: Callable[[_Door, str], None]) -> None:
    """However it is written, and as often; logs know each to hide it."""
    door = _Door(tmp_path)
    assert door.value() == "first-token"
    # Of the same length: the size of the file tells nothing.
    for value in ("other-token", "third-token"):
        replace(door, value)
        assert door.value() == value
        assert door.value() == value
    assert door.known == ["first-token", "other-token", "third-token"]


def _empty(door: _Door) -> None:
    door.write("")


def _remove(door: _Door) -> None:
    door.path.unlink()


def _open_to_all(door: _Door) -> None:
    door.write("second-token")
    door.path.chmod(0o644)


def _lines(door: _Door) -> None:
    door.write("second\ntoken")


def _no_text(door: _Door) -> None:
    door.path.write_bytes(b"\xff\xfe\xfd")


def _a_folder(door: _Door) -> None:
    door.path.unlink()
    door.path.mkdir()


@pytest.mark.parametrize("break_it", [_empty, _remove, _open_to_all, _lines, _no_text, _a_folder])
def test_a_file_that_will_not_do_changes_nothing(
    tmp_path: Path, break_it: Callable[[_Door], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The token before it stays in force, and it is said once, with the file and what helps."""
    caplog.set_level(logging.INFO)
    door = _Door(tmp_path)
    break_it(door)
    assert door.value() == "first-token"
    # It may just be written.
    assert door.secrets.outdated == {}
    for _ in range(3):
        door.clock.now_s += 1
        assert door.value() == "first-token"
    (said,) = door.secrets.outdated.values()
    assert _NAME in said
    assert "stays in force" in said
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "token\n" not in caplog.text.replace("web_token\n", "")
    if door.path.is_dir():
        door.path.rmdir()
    door.path.unlink(missing_ok=True)
    door.write("third-token")
    assert door.value() == "third-token"
    assert door.secrets.outdated == {}


def test_a_file_that_is_made_shuts_an_open_door(tmp_path: Path) -> None:
    """Where there was none, from now on one is asked for."""
    door = _Door(tmp_path, None)
    assert door.value() is None
    door.write("first-token")
    assert door.value() == "first-token"
    door.path.unlink()
    assert door.value() == "first-token"


def test_at_the_start_it_has_to_do(tmp_path: Path) -> None:
    """Nothing is in force before it."""
    write_secret(tmp_path / _NAME, "x").write_text("")
    with pytest.raises(ConfigError, match="is empty"):
        TokenFile(SecretFiles(tmp_path, lambda *_: None), _NAME)
