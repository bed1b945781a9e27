"""A measurement in a process of its own, whose last line of output is its JSON answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vision.domain.errors import VisionError

ROOT = Path(__file__).resolve().parents[1]


class MeasurementError(VisionError):
    """A measurement that did not come to an end."""


def fresh(
    module: str,
    arguments: Sequence[str],
    python: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Any:
    """What ``python -m MODULE ARGUMENT…`` answers.

    Raises:
        MeasurementError: It failed, with the last line it said.
    """
    done = subprocess.run(
        [python or sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        last = said[-1].strip() if said else f"exit code {done.returncode}"
        raise MeasurementError(f"{module}: {last}")
    return json.loads(lines[-1])
