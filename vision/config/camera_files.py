"""``cameras.d/NAME.yaml``: a file per camera, which commands, the API and the page write.

Each is laid over the camera of the same name in ``vision.yaml``, key by key, or is a camera of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision.config.camera import checked_camera_name
from vision.config.yaml_file import read_yaml
from vision.domain.errors import ConfigError

FOLDER_NAME = "cameras.d"
SUFFIX = ".yaml"


def camera_file_paths(folder: Path) -> list[Path]:
    """The files of cameras in ``folder``, by name; none where there is no such folder.

    Names that begin with a dot belong to editors and to the symlinks of a ConfigMap.

    Raises:
        ConfigError: The folder cannot be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be read: {error.strerror}: let this user read the folder"
        ) from None
    return [folder / name for name in names if name.endswith(SUFFIX) and not name.startswith(".")]


def read_camera_files(folder: Path) -> dict[str, dict[str, Any]]:
    """What the files in ``folder`` say, by the name of the camera.

    Raises:
        ConfigError: A file cannot be read, is empty, or its name is not that of a camera.
    """
    found = dict[str, dict[str, Any]]()
    for path in camera_file_paths(folder):
        name = path.name.removesuffix(SUFFIX)
        try:
            checked_camera_name(name)
        except ValueError as error:
            raise ConfigError(f"{path}: {error}: rename the file") from None
        try:
            values = read_yaml(path)
        except FileNotFoundError:
            # Gone since the folder was read.
            continue
        if values is None:
            # An editor may write a file in two steps, the first of which empties it.
            raise ConfigError(f"{path}: is empty: write the camera's settings or remove the file")
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise ConfigError(f"{path}: must be a mapping with keys such as 'url:' at the top")
        found[name] = values
    return found


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``below`` with the values of ``above``: mappings key by key, anything else as a whole."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = laid_over(old, value)
        else:
            merged[key] = value
    return merged
