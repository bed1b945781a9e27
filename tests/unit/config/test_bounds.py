"""No number and no file is too large, too deep or of the wrong kind without one line that says so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from vision.cli.main import main
from vision.config import load_settings, settings_from
from vision.config.camera import CameraSettings
from vision.config.run_dir import configured_run_dir
from vision.config.settings import Settings
from vision.domain.errors import ConfigError

# Beside what a test asks for, so that the wrong number is the only mistake.
_NEEDED: dict[str, dict[str, Any]] = {
    "cameras.front": {"url": "rtsp://h/x"},
    "narration.providers.0": {"name": "a", "url": "https://h/v1", "model": "m"},
    "bridge.webhook.targets.0": {"name": "a", "url": "https://h/x"},
}
_EXACT_IN_JAVASCRIPT = 2**53


def _leaves(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every setting that is a number, or may be one."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        kinds = [field.annotation, *get_args(field.annotation)]
        if name == "cameras" and not prefix:
            yield from _leaves(CameraSettings, ("cameras", "front"))
            continue
        if {int, float}.intersection(kinds):
            yield path
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                is_list = kind is not field.annotation
                yield from _leaves(kind, (*path, "0") if is_list else path)


NUMBERS = sorted(".".join(path) for path in _leaves(Settings))


def document_with(key: str, value: object) -> dict[str, Any]:
    """Settings with ``value`` at ``key``, and what must stand beside it."""
    parts = key.split(".")
    document: Any = value
    for count in range(len(parts) - 1, -1, -1):
        needed = _NEEDED.get(".".join(parts[: count + 1]), {})
        if isinstance(document, dict) and needed:
            document = needed | document
        document = [document] if parts[count] == "0" else {parts[count]: document}
    assert isinstance(document, dict)
    return document


def refusal(document: dict[str, Any]) -> str:
    """The line that refuses it."""
    with pytest.raises(ConfigError) as caught:
        settings_from(document, "vision.yaml", {})
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


def test_the_tree_has_numbers_everywhere() -> None:
    """Of cameras, of lists and of groups in groups."""
    assert {
        "cameras.front.fps",
        "cameras.front.motion.threshold",
        "narration.providers.0.timeout_s",
        "bridge.webhook.targets.0.give_up_s",
        "events.snapshots.max_mib",
        "publishing.stream_max_messages",
    } <= set(NUMBERS)


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        _EXACT_IN_JAVASCRIPT,
        2**63,
        -(2**63),
        -1,
        10**400,
        1e308,
        float("inf"),
        float("nan"),
        "x",
        "1" * 5000,
        "9007199254740993",
        [],
        {"a": 1},
    ],
    ids=lambda value: repr(value)[:20] if len(str(value)) < 5000 else "digits",
)
def test_no_number_is_beyond_what_it_is_kept_in(key: str, value: object) -> None:
    """Redis and SQLite have 64 bits, JavaScript 53; and true is no number."""
    assert f"vision.yaml: {key}: " in refusal(document_with(key, value))


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_may_be_written_as_text(key: str) -> None:
    """As variables have it; what a default is, it can be given as."""
    model: Any = Settings
    for part in key.split("."):
        model = CameraSettings if part == "front" else model
        if part in ("cameras", "front", "0"):
            continue
        field = model.model_fields[part]
        kinds = [field.annotation, *get_args(field.annotation)]
        groups = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        default, model = field.get_default(call_default_factory=True), groups[0] if groups else None
    if default is not None:
        settings_from(document_with(key, str(default)), "vision.yaml", {})


def test_true_is_no_share_of_a_picture() -> None:
    """In lists of lists too."""
    camera = {"url": "rtsp://h/x", "events": {"zones": {"door": [[True, 0], [1, 0], [1, 1]]}}}
    assert "must be a number, not true" in refusal({"cameras": {"front": camera}})


def test_a_zone_of_thousands_of_points_is_refused() -> None:
    """Each of its edges is compared with each other one."""
    zone = [[n / 10_000, 0.5] for n in range(10_000)]
    camera = {"url": "rtsp://h/x", "events": {"zones": {"door": zone}}}
    assert "name at most 200" in refusal({"cameras": {"front": camera}})


def _merges(times: int) -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, times)]
    return "\n".join(lines)


def _many_keys_merged() -> str:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    lines = [f"a0: &a0 {{{keys}}}"]
    return "\n".join(lines + [f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 1000)])


BOMBS = {
    "merges of merges": (_merges(20).encode(), "stands for more than 200000 values"),
    "merges of many keys": (_many_keys_merged().encode(), "values"),
    "an alias of itself": (b"a: &a [*a]", "alias ('*') of itself"),
    "merged into itself": (b"a: &a {<<: *a}", "alias ('*') of itself"),
    "brackets": (b"[" * 100_000, "line 1: is nested deeper than 100 levels"),
    "braces": (b"{a: " * 100_000, "line 1: is nested deeper than 100 levels"),
    "dashes": (b"- " * 100_000, "line 1: is nested deeper than 100 levels"),
    "indents": (b"".join(b" " * n + b"a:\n" for n in range(200)), "nested deeper than 100"),
    "a long number of base 60": (b"web: {port: 1" + b":1" * 300_000 + b"}", "4096 characters"),
    "a long text": (b"models_dir: '" + b"x" * 5000 + b"'", "line 1: holds a value of more than"),
    "a long key": (b"? " + b"x" * 5000 + b"\n: 1", "line 1: holds a value of more than 4096"),
    "megabytes": (b"#" * (2 << 20), "is larger than 1 MiB"),
    "UTF-16": ("web: {port: 1}".encode("utf-16"), "line 1: cannot be read: not UTF-8 text"),
    "Latin-1": ("web: {}\n# ü".encode("latin-1"), "line 2: cannot be read: not UTF-8 text"),
    "NUL": (b"web: {}\n\0", "line 2: holds the character U+0000"),
    "escape": (b"web: {}\n# \x1b[31m", "line 2: holds the character U+001B"),
    "tabs": (b"web:\n\tport: 1", "line 2: not valid YAML"),
    "twice": (b"web: {port: 1}\nweb: {port: 2}", "line 2: 'web' stands twice, first in line 1"),
    "two documents": (b"web: {}\n---\nweb: {}", "not valid YAML"),
    "a line break in a key": (b'"a\\nb": 1', "a?b: unknown key"),
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Where a settings file is put."""
    return tmp_path / "vision.yaml"


@pytest.mark.parametrize(("content", "words"), BOMBS.values(), ids=BOMBS)
def test_a_file_that_stands_for_too_much_is_one_line(
    config: Path, content: bytes, words: str
) -> None:
    """At once and in bounded memory, whatever it would have become."""
    config.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(config, {})
    line = str(caught.value)
    assert line.startswith(f"{config}: ")
    assert words in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    "key", ["models_dir", "run_dir", "model.name", "narration.providers.0.model", "web.host"]
)
@pytest.mark.parametrize("escape", ["\\0", "\\n", "\\x1b", "\\x85", "\\uD800"])
def test_a_text_with_a_character_of_no_name_is_refused(config: Path, key: str, escape: str) -> None:
    """No file, host or model can be called so, and a log would be cut there."""
    document = json.dumps(document_with(key, "a@b")).replace("a@b", f"a{escape}b")
    config.write_text(document)
    with pytest.raises(ConfigError) as caught:
        load_settings(config, {})
    line = str(caught.value)
    assert f"{key}: " in line
    assert len(line.splitlines()) == 1


def test_aliases_that_stand_for_little_are_taken(config: Path) -> None:
    """They are the usual way to give cameras the same settings."""
    config.write_text(
        "cameras:\n  a: &a {url: 'rtsp://h/a', fps: 2}\n  b: {<<: *a, url: 'rtsp://h/b'}\n"
    )
    cameras = load_settings(config, {}).cameras
    assert [(camera.url, camera.fps) for camera in cameras.values()] == [
        ("rtsp://h/a", 2.0),
        ("rtsp://h/b", 2.0),
    ]


def test_a_byte_order_mark_before_the_settings_is_no_part_of_them(config: Path) -> None:
    """An editor puts it there; YAML allows it."""
    config.write_bytes(b"\xef\xbb\xbfweb: {port: 81}\n")
    assert load_settings(config, {}).web.port == 81


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
@pytest.mark.parametrize("command", ["check", "run", "healthcheck", "tail"])
def test_what_is_no_file_ends_every_command_at_once(
    config: Path, kind: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe that nobody writes to would keep the program waiting."""
    if kind == "folder":
        config.mkdir()
    elif kind == "pipe":
        os.mkfifo(config)
    else:
        os.mknod(config, 0o140600)
    # Docker knows 0 and 1 as answers of a health check.
    code = 1 if command == "healthcheck" else 2
    assert main([command, "--config", str(config)]) == code
    said = capsys.readouterr()
    (line,) = (said.out + said.err).splitlines()
    assert str(config) in line


@pytest.mark.parametrize("name", ["merges of merges", "brackets", "an alias of itself", "NUL"])
def test_the_health_check_reads_with_the_same_bounds(config: Path, name: str) -> None:
    """It looks for one key, in the same file."""
    content, words = BOMBS[name]
    config.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        configured_run_dir(config, {})
    assert words in str(caught.value)


@pytest.mark.parametrize("value", ["[", '["a"', "{", "[" * 100_000, "{a: 1}"], ids=len)
def test_a_variable_that_is_no_json_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in a variable is JSON."""
    monkeypatch.setenv("VISION_REDIS__SENTINELS", value)
    monkeypatch.setattr(sys, "setrecursionlimit", lambda _: None)
    with pytest.raises(ConfigError, match="environment: VISION_REDIS__SENTINELS: ") as caught:
        settings_from({}, "vision.yaml")
    assert len(str(caught.value)) < 200
