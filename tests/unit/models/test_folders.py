"""Where models lie, and where new ones go."""

from __future__ import annotations

from pathlib import Path

from vision.models.folders import Folders, cache_folder, is_writable


def test_the_cache_is_where_the_desktop_standard_says(tmp_path: Path) -> None:
    """XDG_CACHE_HOME if it is absolute, else ~/.cache."""
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "ariia-vision"
    assert cache_folder({"XDG_CACHE_HOME": "here", "HOME": "/h"}) == Path("/h/.cache/ariia-vision")


def test_an_account_without_a_home_gets_no_folder_that_others_can_write() -> None:
    """Never /tmp."""
    assert cache_folder({}) == Path("/var/cache/ariia-vision")


def test_a_checkout_keeps_its_models_beside_the_catalogue(tmp_path: Path) -> None:
    """Unless another folder is named."""
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    assert (Folders.of(None, environ).models / "catalogue.toml").is_file()
    assert Folders.of(tmp_path / "mine", environ).models == tmp_path / "mine"


def test_new_models_go_to_the_cache_when_the_folder_is_read_only(tmp_path: Path) -> None:
    """And are looked for in both."""
    models = tmp_path / "models"
    models.mkdir(mode=0o555)
    folders = Folders(models, tmp_path / "cache")
    assert folders.for_new_models() == tmp_path / "cache" / "models"
    assert folders.model_folders == (models, tmp_path / "cache" / "models")
    models.chmod(0o755)
    assert folders.for_new_models() == models


def test_a_folder_that_can_be_made_is_writable(tmp_path: Path) -> None:
    """It need not exist yet; a file in its place will not do."""
    (tmp_path / "file").touch()
    assert is_writable(tmp_path / "not" / "yet")
    assert not is_writable(tmp_path / "file" / "not")
