"""What a node says of itself, to whoever asks as an orchestrator or a load balancer does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import httpx

from tests.support.node import NodeProcess
from tests.support.waiting import wait_until

_ASK_S = 60.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer of ``/readyz``: whether it was 200, and the reasons in it."""

    is_ready: bool
    reasons: tuple[str, ...]


def readiness(node: NodeProcess) -> Ready:
    """Ask the page of ``node``."""
    url, answers = f"{node.page()}readyz", list[httpx.Response]()

    def is_answered() -> bool:
        # Who asks too often is told so.
        answers.append(httpx.get(url, timeout=_ASK_S))
        return answers[-1].headers["content-type"].startswith("application/json")

    wait_until(is_answered, "an answer to the question whether it is ready")
    answer = answers[-1]
    return Ready(answer.status_code == httpx.codes.OK, tuple(answer.json()["reasons"]))


def healthcheck(node: NodeProcess, *arguments: str) -> tuple[int, str]:
    """Exit code and line of ``vision healthcheck`` beside ``node``."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
    result = subprocess.run(
        [sys.executable, "-m", "vision", "healthcheck", *arguments],
        cwd=node.folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=_ASK_S,
        check=False,
    )
    return result.returncode, result.stdout.strip()


def metric(node: NodeProcess, name: str) -> dict[str, float]:
    """The series of a metric by what stands in its braces."""
    text = httpx.get(f"{node.page()}metrics", timeout=_ASK_S).text
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
    series = (line.rpartition(" ") for line in lines)
    return {labels[len(name) + 1 : -1]: float(value) for labels, _, value in series}
