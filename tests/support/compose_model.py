"""The Compose model of the repository: resolved here, or by Compose itself where it is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Model: TypeAlias = dict[str, Any]
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
DEMO_CAMERAS = FOLDER / "demo" / "cameras.yaml"
DEMO = {"CAMERAS_FILE": "demo/cameras.yaml", "SETTINGS_FILE": "demo/vision.yaml"}
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")

# The forms of the Compose Specification's chapter on interpolation that are in use here.
_INTERPOLATION = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<named>[_a-zA-Z]\w*)"
    r"|\{(?P<braced>[_a-zA-Z]\w*)(?::?-(?P<default>[^}]*))?\}|)",
    re.ASCII,
)


@cache
def compose_command() -> tuple[str, ...] | None:
    """Compose 2 as a plugin or a program of its own, None where there is none."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]) is None:
            continue
        answer = subprocess.run(
            [*command, "version", "--short"], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0 and not answer.stdout.lstrip("v").startswith("1."):
            return command
    return None


def rendered_by_compose(profiles: Sequence[str], files: Sequence[str] = ("compose.yaml",)) -> Model:
    """What `docker compose config` makes of the files, with the simulated cameras."""
    command = compose_command()
    assert command is not None
    arguments = [part for file in files for part in ("--file", file)]
    arguments += [part for profile in profiles for part in ("--profile", profile)]
    answer = subprocess.run(
        [*command, *arguments, "config", "--format", "json"],
        cwd=FOLDER,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **_client(), **DEMO},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    model: Model = json.loads(answer.stdout)
    return model


def rendered_here(cameras: Path = DEMO_CAMERAS, environ: Mapping[str, str] | None = None) -> Model:
    """The services of compose.yaml, what it includes and ``cameras``, with what they extend.

    All profiles are on.
    """
    model = _load(FOLDER / "compose.yaml", environ or {})
    # The first one is the file of the cameras.
    others = [_VARIABLE.sub(r"\2", item["path"]) for item in model["include"][1:]]
    files = [cameras, *(FOLDER / name for name in others)]
    for file in files:
        included = _load(file, environ or {})
        for topic in ("services", "secrets", "configs", "networks"):
            model.setdefault(topic, {}).update(included.get(topic, {}))
    model["services"] = {
        name: _extended(service, model["services"], environ or {})
        for name, service in model["services"].items()
    }
    return model


def interpolated(text: str, environ: Mapping[str, str] | None = None) -> str:
    """``text`` as Compose takes it: variables replaced, unset ones by nothing, ``$$`` by ``$``.

    Raises:
        ValueError: A ``$`` begins no variable, which Compose refuses.
    """

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name = found["named"] or found["braced"]
        if name is None:
            raise ValueError(f"invalid interpolation format: {text!r}")
        return (environ or {}).get(name, found["default"] or "")

    return _INTERPOLATION.sub(value, text)


def _client() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}


def _load(path: Path, environ: Mapping[str, str]) -> Model:
    text = _VARIABLE.sub(
        lambda found: environ.get(found[1], found[2]), path.read_text(encoding="utf-8")
    )
    model: Model = yaml.safe_load(text)
    return model


def _extended(service: Model, siblings: Model, environ: Mapping[str, str]) -> Model:
    own = {key: value for key, value in service.items() if key != "extends"}
    extends = service.get("extends")
    if extends is None:
        return own
    if "file" in extends:
        siblings = _load(FOLDER / extends["file"], environ)["services"]
    merged: Model = _merged(_extended(siblings[extends["service"]], siblings, environ), own)
    return merged


def _merged(base: Any, own: Any) -> Any:
    """As the Compose Specification merges: mappings by key, most lists one after the other."""
    if isinstance(base, dict) and isinstance(own, dict):
        replaced = ("command", "entrypoint", "test")
        return base | {
            key: value if key in replaced or key not in base else _merged(base[key], value)
            for key, value in own.items()
        }
    if isinstance(base, list) and isinstance(own, list):
        return [*base, *own]
    return own
