"""Where the roles of this machine say that they live.

Apart from the settings, whose validation takes longer than a health check may: an orchestrator
asks every few seconds, in every container.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vision.config.yaml_file import read_yaml
from vision.domain.errors import ConfigError

MOUNTED_DIR = Path("/run/vision")
VARIABLE = "VISION_RUN_DIR"


def run_dir(configured: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """``configured``, else /run/vision if it can be written, else a folder of this user.

    Raises:
        ConfigError: There is no such folder: not even a temporary one can be written.
    """
    if configured is not None:
        return configured
    if os.access(MOUNTED_DIR, os.W_OK | os.X_OK):
        return MOUNTED_DIR
    if of_user := environ.get("XDG_RUNTIME_DIR"):
        return Path(of_user) / "vision"
    try:
        parent = Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise ConfigError(
            f"run_dir: neither {MOUNTED_DIR} nor a temporary folder can be written: mount one (Docker: "
            f"--tmpfs {MOUNTED_DIR}), or name a folder that can be"
        ) from None
    return parent / f"vision-{os.getuid()}"


def configured_run_dir(config: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The key ``run_dir`` as :func:`vision.config.load_settings` finds it, nothing else read.

    Raises:
        ConfigError: The file cannot be read, or the key is no path.
    """
    for name, value in environ.items():
        if name.upper() == VARIABLE and value:
            return Path(value)
    path = config or Path("vision.yaml")
    try:
        document = read_yaml(path)
    except FileNotFoundError:
        if config is not None:
            raise ConfigError(f"{path}: no such file: name another with --config") from None
        return None
    named = document.get("run_dir") if isinstance(document, dict) else None
    if named is not None and not isinstance(named, str):
        raise ConfigError(f"{path}: run_dir: must be the path of a folder")
    return Path(named) if named else None
