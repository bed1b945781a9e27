"""Secret files: the only way a credential enters the program."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vision.config.camera import CameraSettings
from vision.config.rtsp_url import PLACEHOLDERS
from vision.config.secret_text import oddity_of, read_secret_text
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret

_log = logging.getLogger(__name__)
MOUNTED_DIR = Path("/run/secrets")
LOCAL_DIR = Path("secrets")
REDIS_PASSWORD = "redis_password"  # noqa: S105  the name of a file
WEB_TOKEN = "web_token"  # noqa: S105  the name of a file
METRICS_TOKEN = "metrics_token"  # noqa: S105  the name of a file
SENTRY_DSN = "sentry_dsn"
MQTT_USERNAME = "mqtt_username"
MQTT_PASSWORD = "mqtt_password"  # noqa: S105  the name of a file
_SHORT_CHARACTERS = 8
_BLANK = "is empty: the camera is sent an empty password; write the password into it if it has one"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Register(Protocol):
    """Learns values that must never be shown; several are a user name and its password."""

    def __call__(self, *values: str) -> None:
        """Learn ``values`` for the rest of the process."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password; says nothing of itself."""

    username: Secret
    password: Secret


class SecretFiles:
    """Reads secrets from files, each time anew so that a rotation needs no restart."""

    def __init__(self, directory: Path | None, register: Register) -> None:
        """Look in ``directory``, else in /run/secrets and then ``secrets/``.

        ``register`` is told every value before it is handed out, so that no log can show it.
        """
        self._directories = (directory,) if directory else (MOUNTED_DIR, LOCAL_DIR)
        self._register = register
        self._warned = set[Path]()
        self.oddities: dict[Path, str] = {}
        """What of a file that was read a person hardly meant; no value is shown."""
        self.outdated: dict[str, str] = {}
        """By name, why a file that was replaced is not used."""

    def read(self, name: str, *, may_be_empty: bool = False) -> Secret | None:
        """The line in the file ``name`` without its line end, None if there is no such file.

        Raises:
            ConfigError: The file is empty and must not be, not readable, others may read it, or it holds
                something else than one line of UTF-8 text.
        """
        for directory in self._directories:
            path = directory / name
            # An orchestrator's mount decides on modes itself; our own folder is checked.
            value = read_secret_text(path, 0 if directory == MOUNTED_DIR else _OTHERS)
            if value is None:
                continue
            if not value:
                if not may_be_empty:
                    raise ConfigError(f"secret file {path}: is empty: write the value into it")
                self._tell_oddity(path, _BLANK)
                return Secret("")
            self._register(value)
            self._remark_on(path, value)
            return Secret(value)
        return None

    def require(self, name: str, why: str, *, may_be_empty: bool = False) -> Secret:
        """As :meth:`read`, but a missing file is an error that says ``why`` it is needed."""
        value = self.read(name, may_be_empty=may_be_empty)
        if value is None:
            places = " or ".join(f"{directory}/{name}" for directory in self._directories)
            raise ConfigError(f"missing secret file {name}: {why}: create {places} with mode 600")
        return value

    def stamp(self, camera: str) -> tuple[tuple[int, int, int] | None, ...]:
        """Differs once a secret file of ``camera`` was written, replaced, made or removed."""
        return self.stamp_of(f"camera_{camera}_username", f"camera_{camera}_password")

    def stamp_of(self, *names: str) -> tuple[tuple[int, int, int] | None, ...]:
        """Differs once one of these files was written, replaced, made or removed."""
        return tuple(_stamp(directory / name) for directory in self._directories for name in names)

    def camera(self, name: str, camera: CameraSettings) -> Credentials | None:
        """Credentials of a camera, None when it has none.

        Some cameras have a user name and no password: then the file of the password is empty.

        Raises:
            ConfigError: A file is missing that the other file or the settings ask for.
        """
        if camera.auth == "none":
            return None
        username_file, password_file = f"camera_{name}_username", f"camera_{name}_password"
        if camera.auth == "required":
            why = f"cameras.{name}.auth is 'required'"
        elif any(mark in camera.url for mark in PLACEHOLDERS):
            why = f"cameras.{name}.url has a placeholder for it"
        else:
            username = self.read(username_file)
            password = self.read(password_file, may_be_empty=username is not None)
            if username is None and password is None:
                return None
            why = "its partner file exists"
        username = self.require(username_file, why)
        password = self.require(password_file, why, may_be_empty=True)
        if password.get_secret_value():
            self._register(username.get_secret_value(), password.get_secret_value())
        return Credentials(username, password)

    def _remark_on(self, path: Path, value: str) -> None:
        oddity = oddity_of(value)
        if oddity:
            self._tell_oddity(path, oddity)
        # A user name has to be known to others; the rest is worth a word, once.
        if len(value) >= _SHORT_CHARACTERS or path.name.endswith("_username"):
            return
        if path not in self._warned:
            self._warned.add(path)
            _log.warning(
                "secrets.short_value file=%s reason=%s",
                path,
                f'"fewer than {_SHORT_CHARACTERS} characters: easily guessed, and logs cannot '
                'hide what may stand in any word: choose a longer one"',
            )

    def _tell_oddity(self, path: Path, oddity: str) -> None:
        if path not in self.oddities:
            self.oddities[path] = oddity
            _log.warning('secrets.odd_value file=%s reason="%s"', path, oddity)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        # Links are followed: orchestrators replace the link, not what it points to.
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_ctime_ns, seen.st_size


def write_secret(path: Path, value: str) -> Path:
    """Write ``value`` into a new secret file that only its owner may read."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(value, encoding="utf-8")
    return path


def redis_password(settings: Settings, secrets: SecretFiles) -> str | None:
    """The password as it is now, None when there is none.

    In plain text, for the client: it is asked for at each connection and kept by nobody else.

    Raises:
        ConfigError: The settings name a user, but there is no file with the password.
    """
    if settings.redis.username is not None:
        password: Secret | None = secrets.require(REDIS_PASSWORD, "redis.username is set")
    else:
        password = secrets.read(REDIS_PASSWORD)
    return password.get_secret_value() if password else None
