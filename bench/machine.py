"""Where and with what a figure was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import vision
from simulator.demo.embedded_redis import find_redis_server
from vision.domain.errors import ConfigError

_PACKAGES = ("av", "numpy", "opencv-python-headless", "openvino", "orjson", "redis")
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")


def machine() -> dict[str, Any]:
    """Processor, memory, system, versions, load and command, without any path."""
    return {
        "processor": _cpuinfo("model name") or platform.processor() or "unknown",
        "cores": cores(),
        "instructions": [flag for flag in _FLAGS if flag in _cpuinfo("flags").split()],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "vision": vision.__version__,
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "redis_server": _redis_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _cpuinfo(key: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _redis_version() -> str:
    try:
        said = subprocess.run(
            [find_redis_server(), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (ConfigError, OSError, subprocess.CalledProcessError):
        return "none"
    words = [word for word in said.split() if word.startswith("v=")]
    return words[0].removeprefix("v=") if words else "unknown"
