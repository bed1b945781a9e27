"""The Dockerfiles: pinned, non-root, without a shell at run time, and built from one lock."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
    "lock",
    [
        "constraints-runtime.txt",
        "constraints-build.txt",
        "constraints-gpu.txt",
        "constraints-export.txt",
    ],
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


def _installs() -> Iterator[str]:
    """Every ``pip install`` of what builds an image, continued lines joined."""
    sources = [ROOT / name for name in DOCKERFILES] + sorted((FOLDER / "image").glob("*.sh"))
    for source in sources:
        text = re.sub(r"\\\n\s*", "", source.read_text())
        yield from re.findall(r"pip\b[^\n&|]* install [^\n&|]*", text)


def test_nothing_is_installed_without_a_hash() -> None:
    """What the model is exported with is code that decides what the image finds, as its own is."""
    installs = list(_installs())
    assert len(installs) > len(DOCKERFILES)
    for install in installs:
        is_our_own_wheel = "--no-deps --no-index" in install
        assert is_our_own_wheel or "--require-hashes --only-binary :all:" in install, install


@pytest.mark.parametrize("lock", sorted((FOLDER / "image").glob("constraints-*.txt")), ids=str)
def test_every_pin_of_a_lock_has_a_hash(lock: Path) -> None:
    """And no lock names an index."""
    text = lock.read_text()
    entries = re.sub(r" \\\n\s*", " ", text).splitlines()
    assert [entry for entry in entries if entry and " --hash=sha256:" not in entry] == []
    assert "://" not in text


def test_the_export_has_the_libraries_of_the_image_it_is_made_in() -> None:
    """It is installed over them, and must replace none."""
    image, export = _pins("constraints-runtime.txt"), _pins("constraints-export.txt")
    assert {"torch", "torchvision", "ultralytics-opencv-headless", "onnx", "onnxslim"} <= set(
        export
    )
    assert {name for name in image.keys() & export.keys() if image[name] != export[name]} == set()


def test_bills_and_audit_know_every_lock_of_the_images() -> None:
    """What is installed while they are built, the model's export included."""
    targets = (ROOT / "Makefile").read_text().split("\n\n")
    (bills,) = (target for target in targets if target.startswith("sbom:"))
    (audit,) = (target for target in targets if target.startswith("audit:"))
    kinds = {path.stem.removeprefix("constraints-") for path in (FOLDER / "image").glob("*.txt")}
    assert kinds == {"runtime", "gpu", "export", "build"}
    for kind in kinds:
        assert f"$(IMAGE)-{kind}.txt" in audit
        assert kind == "build" or f"$(IMAGE)-{kind}.txt" in bills


def _bake(tmp_path: Path, index: str, *locks: str) -> tuple[str, list[str]]:
    """What ``bake-model.sh`` says and with what it calls pip, where both can export nothing."""
    programs, image = tmp_path / "bin", tmp_path / "image"
    for folder in (programs, image, tmp_path / "models"):
        folder.mkdir()
    shutil.copy(FOLDER / "image" / "bake-model.sh", image)
    for lock in locks:
        (image / lock).touch()
    calls = tmp_path / "calls"
    calls.touch()
    for name, does in {"python": f'echo "$*" >>{calls}; exit 1', "vision": "exit 0"}.items():
        (programs / name).write_text(f'#!/bin/sh\ncase "$*" in -c*) exit 0 ;; esac\n{does}\n')
        (programs / name).chmod(0o755)
    answer = subprocess.run(
        [image / "bake-model.sh", "official", tmp_path / "models", tmp_path / "target"],
        env={"PATH": f"{programs}:{os.environ['PATH']}", "TORCH_INDEX": index},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    return answer.stderr, calls.read_text().splitlines()


def test_an_index_for_pytorch_needs_its_lock(tmp_path: Path) -> None:
    """Its wheels have other hashes: nothing is installed before there is a lock with them."""
    said, calls = _bake(tmp_path, "https://wheels.invalid/cpu", "constraints-export.txt")
    assert "make lock-export-cpu TORCH_INDEX=" in said
    assert calls == []


@pytest.mark.parametrize(
    ("index", "lock"),
    [
        ("", "constraints-export.txt"),
        ("https://wheels.invalid/cpu", "constraints-export-cpu.txt"),
    ],
)
def test_the_lock_is_the_one_of_the_index(tmp_path: Path, index: str, lock: str) -> None:
    """The usual one, or PyTorch's own beside it."""
    _, (call,) = _bake(tmp_path, index, lock)
    assert call.endswith(f"--requirement {tmp_path}/image/{lock}")
    assert ("--extra-index-url" in call) == bool(index)
    assert "--require-hashes" in call


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
