"""The Dockerfiles: pinned, non-root, without a shell at run time, and built from one lock."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import vision
from tests.support.compose_model import FOLDER, ROOT

DOCKERFILES = ("Dockerfile.cpu", "Dockerfile.gpu")
_PIN = re.compile(r"^([a-z0-9][\w.-]*)==(\S+)", re.MULTILINE | re.IGNORECASE)


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / dockerfile).read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def _pins(name: str) -> dict[str, str]:
    path = ROOT / name if "/" in name else FOLDER / "image" / name
    return dict(_PIN.findall(path.read_text()))


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    """The linter for Dockerfiles has no complaint."""
    # Beside the interpreter first: the development environment brings it where there is a wheel.
    beside = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=os.pathsep.join((beside, os.environ["PATH"])))
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    answer = subprocess.run(
        [hadolint, ROOT / dockerfile], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_runs_as_a_number_without_a_shell(dockerfile: str) -> None:
    """User, entry point and health check are such that no shell and no name is needed."""
    last = dict(_instructions(dockerfile))
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["vision"]'
    assert last["CMD"].startswith("[")
    checks = [rest for word, rest in _instructions(dockerfile) if word == "HEALTHCHECK"]
    assert 'CMD ["vision", "healthcheck"]' in checks[0]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_base_image_is_pinned_by_digest(dockerfile: str) -> None:
    """Two builds start from the same bytes."""
    arguments = dict(
        rest.split("=", 1)
        for word, rest in _instructions(dockerfile)
        if word == "ARG" and "=" in rest
    )
    assert re.fullmatch(
        r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", arguments["PYTHON_IMAGE"]
    )
    assert arguments["VERSION"] == vision.__version__


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_legacy_builder_understands_it(dockerfile: str) -> None:
    """Nothing that only BuildKit knows."""
    text = (ROOT / dockerfile).read_text()
    assert not re.search(r"RUN --|<<EOF|COPY --(chmod|link|parents)|# syntax=", text)


@pytest.mark.parametrize(
    "lock", ["constraints-runtime.txt", "constraints-build.txt", "constraints-gpu.txt"]
)
def test_an_image_has_the_versions_that_were_tested(lock: str) -> None:
    """What tests and images both install has one version."""
    tested, locked = _pins(f"{ROOT}/constraints.txt"), _pins(lock)
    differing = {
        name: (locked[name], tested[name])
        for name in locked.keys() & tested.keys()
        if locked[name] != tested[name]
    }
    assert differing == {}


def test_the_cpu_image_has_no_torch() -> None:
    """PyTorch, Ultralytics and development tools stay out of the small image."""
    assert (
        not {"torch", "ultralytics", "pytest", "mypy", "ruff"}
        & _pins("constraints-runtime.txt").keys()
    )


def test_the_context_leaves_secrets_out() -> None:
    """Only what is named reaches the builder."""
    lines = (ROOT / ".dockerignore").read_text().split()
    assert "*" in lines
    assert not [line for line in lines if re.search("secrets|data|vision.yaml|workspace", line)]


def test_the_images_of_the_stack_are_of_this_version() -> None:
    """A release changes the default tags together with the version."""
    text = (FOLDER / "compose.yaml").read_text() + (FOLDER / "base.yaml").read_text()
    tags = set(re.findall(r"ariia-vision:([\w.]+)-(?:cpu|gpu|demo)", text))
    assert tags == {vision.__version__}
    assert yaml.safe_load(text.partition("include:")[0])["name"] == "ariia-vision"
