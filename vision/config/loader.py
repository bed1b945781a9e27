"""From ``vision.yaml`` and ``VISION_*`` variables to settings, or to one clear line."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vision.config.reference import known_keys
from vision.config.settings import ENV_DELIMITER, ENV_PREFIX, Settings
from vision.domain.errors import ConfigError

DEFAULT_PATH = Path("vision.yaml")
# What PyYAML lets through of int(), datetime.date() and the like, as on `2026-99-99`.
_VALUE_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, which YAML 1.2 (3.2.1.1) forbids."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  the signature is PyYAML's
        first_line: dict[str, int] = {}
        for key_node, _ in node.value:
            name, line = str(key_node.value), key_node.start_mark.line + 1
            if name in first_line:
                raise ConfigError(
                    f"line {line}: {name!r} stands twice, first in line {first_line[name]}: "
                    "rename or remove one"
                )
            first_line[name] = line
        return super().construct_mapping(node, deep=deep)


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and validate the configuration.

    Args:
        path: The file; None takes ``vision.yaml`` of the current folder if there is one.
        environ: Where names are checked; the values are read by pydantic-settings.

    Raises:
        ConfigError: One line with the file, the key and the remedy.
    """
    if path is None:
        path = DEFAULT_PATH if DEFAULT_PATH.exists() else None
    values = {} if path is None else _read_yaml(path)
    return settings_from(values, "the settings" if path is None else str(path), environ)


def settings_from(
    values: Mapping[str, Any], origin: str, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Validate ``values`` under the variables; ``origin`` names them in errors."""
    _refuse_unknown_variables(environ)
    try:
        return Settings(**values)
    except ValidationError as error:
        problem = _first_problem(error, origin, environ)
    # Raised outside the handler: a chained validation error may hold the input.
    raise ConfigError(problem)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file: create it or name another with --config"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {_reason(error)}") from None
    values = _parsed(text, path)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must be a mapping with keys such as 'cameras:' at the top")
    if not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: a key at the top is not text: known here: {_known_at_top()}")
    return cast("dict[str, Any]", values)


def _parsed(text: str, path: Path) -> object:
    try:
        return cast("object", yaml.load(text, _UniqueKeyLoader))  # noqa: S506  derives from SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}: line {line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{path}: not valid YAML") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply for a configuration") from None
    except _VALUE_ERRORS:
        raise ConfigError(
            f"{path}: not valid YAML: a value is not of the kind it is written as"
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _known_at_top() -> str:
    return ", ".join(_siblings([""]))


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"


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


def _is_camera_key(parts: list[str]) -> bool:
    return len(parts) >= 3 and parts[0] == "cameras"  # noqa: PLR2004  cameras, name, key


def _hint(key: str, known: frozenset[str]) -> str:
    if any(word in key for word in ("password", "secret", "username", "dsn", "token")):
        return ": credentials are read from secret files only (see README, Secrets)"
    close = difflib.get_close_matches(key, known, n=1)
    if not close:
        return ": see `vision settings` for all of them"
    name = close[0].replace("*", "NAME").replace(".", ENV_DELIMITER).upper()
    return f": did you mean {ENV_PREFIX}{name}?"


def _first_problem(error: ValidationError, origin: str, environ: Mapping[str, str]) -> str:
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]
    key = ".".join(parts)
    variable = ENV_PREFIX + ENV_DELIMITER.join(parts).upper()
    if any(name.upper() == variable for name in environ):
        origin, key = "environment", variable
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{origin}: {key}: {_problem_text(first, parts)}{more}"


def _problem_text(problem: ErrorDetails, parts: list[str]) -> str:
    if problem["type"] == "extra_forbidden":
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
