"""``vision run`` as a process, with the cameras and the Redis that a test gives it."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.secrets import write_secret

SHARED_MODELS = Path(__file__).parents[3] / "shared" / "models"


def models_variable() -> dict[str, str]:
    """The COCO model where this machine has it; else the embedded default is used."""
    return {"VISION_MODELS_DIR": str(SHARED_MODELS)} if SHARED_MODELS.is_dir() else {}


def validate(payload: bytes) -> dict[str, Any]:
    """The document in ``payload``, which fits its published JSON Schema."""
    document: dict[str, Any] = json.loads(payload)
    name = document["schema"].replace("/", "-")
    schema = importlib.resources.files("vision.domain") / "schema" / f"{name}.schema.json"
    Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(document)
    return document


class CameraCredentials:
    """Made on the spot, hostile enough to hurt whoever forgets to encode them."""

    def __init__(self) -> None:
        self.username = f"view er@{secrets.token_hex(4)}"
        self.password = f"p:a/s?s#w%rd&{secrets.token_urlsafe(8)}"


class NodeProcess:
    """A node with its configuration, secrets and log in ``folder``."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        open_files: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """With more environment ``variables``, and at most ``open_files`` (``ulimit -n``)."""
        self._under_limit = (
            ["sh", "-c", f'ulimit -n {open_files}; exec "$0" "$@"'] if open_files else []
        )
        self.folder = folder
        (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
        (folder / "vision.yaml").write_text(yaml.safe_dump(dict(settings)))
        # A variable would win over the models that the settings name.
        self._variables = {} if "models_dir" in settings else models_variable()
        self._variables |= variables or {}
        self._log = folder / "node.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All it said on both outputs."""
        return self._log.read_text() if self._log.exists() else ""

    def secret(self, name: str, value: str) -> None:
        """Put a secret file there."""
        write_secret(self.folder / "secrets" / name, value)

    def replace_secret(self, name: str, value: str) -> None:
        """Put another value into a secret file, at once as a rotation does."""
        path = self.folder / "secrets" / name
        write_secret(path.with_suffix(".new"), value).replace(path)

    def start(self) -> None:
        """Start it."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._under_limit, sys.executable, "-m", "vision", "run"],
                cwd=self.folder,
                env=clean | self._variables,
                stdout=log,
                stderr=log,
            )

    def wait_for_log(self, text: str) -> None:
        """Wait until it said ``text``."""
        wait_until(lambda: text in self.log, f"{text!r} in the log:\n{self.log}")

    def page(self) -> str:
        """The address of its live page, once it has said so."""
        self.wait_for_log("page=http")
        found = re.search(r'page=(http[^\s"]+)', self.log)
        assert found is not None
        return found[1]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running_node(
    folder: Path, settings: Mapping[str, Any], *, open_files: str = "", **files: str
) -> Iterator[NodeProcess]:
    """A node for the length of a test, with secret files by name."""
    with running(NodeProcess(folder, settings, open_files), files) as node:
        yield node


@contextmanager
def running(node: NodeProcess, files: Mapping[str, str]) -> Iterator[NodeProcess]:
    """``node`` with secret files by name, started, and killed at the latest in the end."""
    for name, value in files.items():
        node.secret(name, value)
    node.start()
    try:
        yield node
    finally:
        assert node.process is not None
        if node.process.poll() is None:
            node.process.kill()
            node.process.wait()
