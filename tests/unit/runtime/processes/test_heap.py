"""Freed memory stays with the program that needs it again."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import resource, sys
import numpy as np
from vision.runtime.processes.heap import keep_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
    np.ones(1 << 20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    pictures = [np.ones(640 * 540, np.uint8) for _ in range(3)]
    del pictures
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(*arguments: str) -> int:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_pictures_use_the_memory_of_those_before_them() -> None:
    """The kernel is asked for each page once, not once per picture."""
    assert _faults("keep") < 1_000
