"""From ``vision.yaml`` and ``VISION_*`` variables to settings, or to one clear line."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from vision.config.camera_files import FOLDER_NAME, SUFFIX, laid_over, read_camera_files
from vision.config.reference import known_keys
from vision.config.settings import ENV_DELIMITER, ENV_PREFIX, Settings
from vision.config.yaml_file import read_yaml
from vision.domain.errors import ConfigError

DEFAULT_PATH = Path("vision.yaml")
_LONGEST_KEY = 80
# Keys of former versions, and where they are now.
_MOVED = {"snapshots": "events.snapshots"}
# Control characters, and halves of characters but those that stand for the bytes of a file's name.
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udc7f\udd00-\udfff]")


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and validate the configuration.

    Args:
        path: The file; None takes ``vision.yaml`` of the current folder if there is one.
        environ: Where names are checked; the values are read by pydantic-settings.

    Raises:
        ConfigError: One line with the file, the key and the remedy.
    """
    path = settings_path(path)
    values = {} if path is None else _read_yaml(path)
    named = _value_of(f"{ENV_PREFIX}CAMERAS_DIR", environ) or values.get("cameras_dir")
    folder = cameras_folder(path, named)
    return settings_from(
        values, "the settings" if path is None else str(path), environ, camera_files=folder
    )


def settings_path(path: Path | None) -> Path | None:
    """The settings file in use: ``path``, else ``vision.yaml`` of this folder if there is one."""
    if path is None and DEFAULT_PATH.exists():
        return DEFAULT_PATH
    return path


def cameras_folder(path: Path | None, named: object) -> Path:
    """The folder of camera files, beside the settings file ``path`` unless one is ``named``.

    ``named`` is the key ``cameras_dir``, which may not have been validated yet.
    """
    if isinstance(named, str | Path) and str(named):
        return Path(named)
    return (path.parent if path else Path()) / FOLDER_NAME


def _value_of(name: str, environ: Mapping[str, str]) -> str | None:
    return next((value for key, value in environ.items() if key.upper() == name), None)


def settings_from(
    values: Mapping[str, Any],
    origin: str,
    environ: Mapping[str, str] = os.environ,
    *,
    camera_files: Path | None = None,
) -> Settings:
    """Validate ``values`` under the variables.

    Args:
        values: Nested as in ``vision.yaml``.
        origin: Names them in errors.
        environ: Where the names of variables are checked.
        camera_files: Folder of camera files to lay over them.

    Raises:
        ConfigError: One line with the file, the key and the remedy.
    """
    files = _Sources(origin, camera_files)
    values = files.lay_over(values)
    _refuse_unknown_variables(environ)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problem = _first_problem(error, files, environ)
    except (SettingsError, RecursionError):
        problem = _wrong_json(environ)
    else:
        for parts, text in _texts(settings, ()):
            if odd := _NO_NAME.search(text):
                place = _place(parts, files, environ)
                raise ConfigError(
                    f"{place}: holds the character U+{ord(odd[0]):04X}, which is part of no name: "
                    "remove it"
                )
        return settings
    # Raised outside the handler: a chained validation error may hold the input.
    raise ConfigError(problem)


class _Sources:
    """The files that settings come from, to name the right one in an error."""

    def __init__(self, origin: str, folder: Path | None) -> None:
        self._origin = origin
        self._folder = folder
        self._files = {} if folder is None else read_camera_files(folder)
        self._below: Mapping[str, Any] = {}

    def lay_over(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``values`` with the camera files laid over their cameras."""
        if not self._files:
            return values
        cameras = values.get("cameras")
        self._below = cameras if isinstance(cameras, Mapping) else {}
        if cameras is not None and not isinstance(cameras, Mapping):
            # Wrong in itself: let the validation say so.
            return values
        return {**values, "cameras": laid_over(self._below, self._files)}

    def source_of(self, parts: Sequence[str]) -> tuple[str, Sequence[str]]:
        """The file that the value at ``parts`` is from, and its key there."""
        if len(parts) < 2 or parts[0] != "cameras" or parts[1] not in self._files:  # noqa: PLR2004  cameras and a name
            return self._origin, parts
        here: object = self._files[parts[1]]
        for part in parts[2:]:
            if not isinstance(here, Mapping) or part not in here:
                # A key that is missing belongs to the file of a camera that is in no other.
                is_from_here = here is self._files[parts[1]] and parts[1] not in self._below
                if not is_from_here and not isinstance(here, list | tuple):
                    return self._origin, parts
                break
            here = here[part]
        return str(self._folder and self._folder / f"{parts[1]}{SUFFIX}"), parts[2:]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file: create it or name another with --config"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must be a mapping with keys such as 'cameras:' at the top")
    if not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: a key at the top is not text: known here: {_known_at_top()}")
    return cast("dict[str, Any]", values)


def _known_at_top() -> str:
    return ", ".join(_siblings([""]))


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """Refuse a ``VISION_*`` name that sets nothing; a typo would else go unnoticed."""
    known = known_keys()
    for variable in sorted(environ):
        if not variable.upper().startswith(ENV_PREFIX):
            continue
        parts = variable[len(ENV_PREFIX) :].lower().split(ENV_DELIMITER)
        if _is_camera_key(parts):
            parts = ["cameras", "*", *parts[2:]]
        key = ".".join(parts)
        if key not in known:
            raise ConfigError(f"environment: {variable} is not a setting{_hint(key, known)}")


def _wrong_json(environ: Mapping[str, str]) -> str:
    """Which variable is no JSON, of those that hold a list or a mapping."""
    for variable, value in sorted(environ.items()):
        if variable.upper().startswith(ENV_PREFIX) and value.lstrip()[:1] in ("[", "{"):
            try:
                json.loads(value)
            except (ValueError, RecursionError):
                return f"environment: {variable}: is not valid JSON: write it as [1, 2]"
    names = ", ".join(name for name in sorted(environ) if name.upper().startswith(ENV_PREFIX))
    return f"environment: a list or a mapping must be JSON, as [1, 2]: see {names}"


def _is_camera_key(parts: list[str]) -> bool:
    return len(parts) >= 3 and parts[0] == "cameras"  # noqa: PLR2004  cameras, name, key


def _hint(key: str, known: frozenset[str]) -> str:
    for old, new in _MOVED.items():
        if key == old or key.startswith(f"{old}."):
            return f": it has moved: set {_variable(new + key.removeprefix(old))} instead"
    if any(word in key for word in ("password", "secret", "username", "dsn", "token")):
        return ": credentials are read from secret files only (see docs/secrets.md)"
    close = difflib.get_close_matches(key, known, n=1)
    if not close:
        return ": see `vision settings` for all of them"
    return f": did you mean {_variable(close[0])}?"


def _variable(key: str) -> str:
    return ENV_PREFIX + key.replace("*", "NAME").replace(".", ENV_DELIMITER).upper()


def _first_problem(error: ValidationError, files: _Sources, environ: Mapping[str, str]) -> str:
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{_place(parts, files, environ)}: {_problem_text(first, parts)}{more}"


def _place(parts: Sequence[str], files: _Sources, environ: Mapping[str, str]) -> str:
    """The variable or the file with the key that a value is from."""
    origin, parts_there = files.source_of(parts)
    key = ".".join(map(_shown_key, parts_there))
    variable = ENV_PREFIX + ENV_DELIMITER.join(parts).upper()
    if any(name.upper() == variable for name in environ):
        origin, key = "environment", variable
    # What is wrong with a camera as a whole has no key in its own file.
    return f"{origin}: {key}" if key else origin


def _texts(value: object, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text and path among the settings, with its key."""
    if isinstance(value, str | Path):
        yield parts, str(value)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name), (*parts, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, (*parts, str(name)))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*parts, str(number)))


def _shown_key(key: str) -> str:
    text = "".join(character if character.isprintable() else "?" for character in key)
    return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}…"


def _problem_text(problem: ErrorDetails, parts: list[str]) -> str:
    if problem["type"] == "extra_forbidden":
        if moved := _MOVED.get(".".join(parts)):
            return f"unknown key: it has moved: write it as {moved!r}"
        siblings = _siblings(parts)
        close = difflib.get_close_matches(parts[-1], siblings, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(siblings)}"
        return f"unknown key: {remedy}"
    if problem["type"] == "missing":
        return "is missing: add it"
    # ValueErrors of our own validators come with a prefix that helps nobody.
    return problem["msg"].removeprefix("Value error, ")


def _siblings(parts: list[str]) -> list[str]:
    parent = list(parts[:-1])
    if parent[:1] == ["cameras"] and len(parent) > 1:
        parent[1] = "*"
    # A key of one of a list: its number says which.
    prefix = re.sub(r"\.\d+\.", "[].", "".join(f"{part}." for part in parent))
    names = {
        key[len(prefix) :].split(".")[0].removesuffix("[]")
        for key in known_keys()
        if key.startswith(prefix)
    }
    return sorted(names)
