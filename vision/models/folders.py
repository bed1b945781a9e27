"""Where models, clips and what belongs to them lie on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import vision

_NAME = "ariia-vision"
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one installation.

    Attributes:
        models: Where models are looked for first, and put if it can be written.
        cache: Private to the program; deleting it costs time only.
    """

    models: Path
    cache: Path

    @classmethod
    def of(cls, models_dir: Path | None, environ: Mapping[str, str] = os.environ) -> Folders:
        """The folders for ``models_dir``; None takes ``models/`` of a checkout, else the cache."""
        cache = cache_folder(environ)
        if models_dir is None:
            catalogue = checkout_catalogue()
            models_dir = catalogue.parent if catalogue.is_file() else cache / "models"
        return cls(models_dir, cache)

    @property
    def clips(self) -> Path:
        """Where clips are put."""
        return self.cache / "clips"

    @property
    def wheels(self) -> Path:
        """Where downloaded wheels are kept."""
        return self.cache / "wheels"

    @property
    def locks(self) -> Path:
        """Where the lock of each download lies."""
        return self.cache / "locks"

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """Where models are looked for, in order."""
        pulled = self.cache / "models"
        return (self.models,) if self.models == pulled else (self.models, pulled)

    def for_new_models(self) -> Path:
        """Where a pulled or exported model goes: the cache when ``models`` is read-only."""
        return self.models if is_writable(self.models) else self.cache / "models"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Our folder under ``XDG_CACHE_HOME`` (XDG Base Directory Specification, version 0.8)."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named / _NAME
    home = environ.get("HOME")
    # A service account without a home: a folder it may have been given, never /tmp, where
    # another user could have put something before us.
    return (Path(home) / ".cache" if home else Path("/var/cache")) / _NAME


def checkout_catalogue() -> Path:
    """Where the catalogue lies if this is a checkout of the repository."""
    return Path(vision.__file__).resolve().parents[1] / "models" / "catalogue.toml"


def is_writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or it can be made.

    A folder without any write permission counts as read-only for root too, who could write
    there but was told not to.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return (
        existing.is_dir()
        and os.access(existing, os.W_OK | os.X_OK)
        and bool(existing.stat().st_mode & _ANY_WRITE)
    )
