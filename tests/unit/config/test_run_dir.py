"""The run directory is found without reading the settings, and where the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision.config.loader import load_settings
from vision.config.run_dir import MOUNTED_DIR, configured_run_dir, run_dir
from vision.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{}", {}),
        ("run_dir: /x/run", {}),
        ("run_dir: /x/run", {"VISION_RUN_DIR": "/y"}),
        ("{}", {"vision_run_dir": "/y"}),
        ("", {}),
    ],
)
def test_it_is_the_one_of_the_settings(
    text: str, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short way and the long way agree."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "vision.yaml"
    config.write_text(text)
    assert configured_run_dir(config) == load_settings(config).run_dir


def test_without_a_file_nothing_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default file may be missing, a named one not."""
    monkeypatch.chdir(tmp_path)
    assert configured_run_dir(None, {}) is None
    with pytest.raises(ConfigError, match="no such file"):
        configured_run_dir(tmp_path / "other.yaml", {})


@pytest.mark.parametrize("text", ["run_dir: [1]", "a: : b", "run_dir: 7"])
def test_a_file_that_is_wrong_is_one_line(text: str, tmp_path: Path) -> None:
    """It names the file."""
    config = tmp_path / "vision.yaml"
    config.write_text(text)
    with pytest.raises(ConfigError, match=r"vision\.yaml: ") as caught:
        configured_run_dir(config, {})
    assert "\n" not in str(caught.value)


def test_the_default_belongs_to_the_user(tmp_path: Path) -> None:
    """Unless the orchestrator mounted one; what is configured wins over both."""
    of_user = run_dir(None, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert of_user in {MOUNTED_DIR, tmp_path / "vision"}
    assert run_dir(tmp_path, {}) == tmp_path
    assert run_dir(None, {}).name.startswith("vision")
