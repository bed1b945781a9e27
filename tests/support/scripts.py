"""Runs the shell scripts of the repository as a person does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.compose_model import ROOT

SCRIPTS = ROOT / "scripts"
_TIMEOUT_S = 120.0


def run_script(
    name: str,
    *arguments: str | Path,
    environ: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run ``scripts/NAME``; ``environ`` adds to this process' own."""
    return subprocess.run(
        [SCRIPTS / name, *arguments],
        env={**os.environ, **(environ or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
