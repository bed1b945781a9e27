"""Each mistake a person can make is one clear line and exit code 2, from the program itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

CAMERA = "cameras:\n  front: {url: 'rtsp://127.0.0.1:9/x'}\n"

# So that it holds on a machine with a GPU too.
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}


def vision(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in ``folder``."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}
    return subprocess.run(
        [sys.executable, "-m", "vision", *arguments],
        cwd=folder,
        env=clean | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    """It ended with code 2 and one line that holds ``parts``."""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.returncode == 2, result.stderr
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert all(part in errors[0] for part in parts), errors[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("camera: {}\n", ("vision.yaml", "camera", "did you mean 'cameras'")),
        ("cameras:\n  front: {url: 'rtsp://u:hunter2@h/x'}\n", ("cameras.front.url", "secret")),
        (CAMERA + "  front: {url: 'rtsp://h/y'}\n", ("line 3", "'front'", "twice")),
        ("cameras:\n  'front{1}': {url: 'rtsp://h/x'}\n", ("front{1}", "Redis keys")),
        ("redis: {}\n", ("cameras", "add")),
        (CAMERA + "model: {name: yolov99}\n", ("model.name", "yolov99", "did you mean")),
        (
            "cameras:\n  front: {url: 'rtsp://127.0.0.1:9/x', auth: required}\n",
            ("missing secret file camera_front_username", "cameras.front.auth"),
        ),
        (CAMERA + "redis: {username: ingest}\n", ("missing secret file redis_password",)),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    """The line names the file or key and the remedy, and no credential."""
    (tmp_path / "vision.yaml").write_text(text)
    result = vision(tmp_path, "run", "--config", "vision.yaml")
    assert_one_line(result, *parts)
    assert "hunter2" not in result.stdout + result.stderr


def test_an_unknown_variable(tmp_path: Path) -> None:
    """A typo in the environment does not pass in silence."""
    (tmp_path / "vision.yaml").write_text(CAMERA)
    result = vision(tmp_path, "run", variables={"VISION_MODLE__NAME": "x"})
    assert_one_line(result, "VISION_MODLE__NAME", "VISION_MODEL__NAME")


def test_a_model_file_that_is_not_the_one_named(tmp_path: Path) -> None:
    """A wrong hash names the file and what to do; nothing is loaded."""
    (tmp_path / "vision.yaml").write_text(CAMERA + "model: {name: yolov8n}\n")
    models = tmp_path / "models"
    models.mkdir()
    (models / "yolov8n.onnx").write_bytes(b"this is no model")
    result = vision(tmp_path, "run", variables={"VISION_MODELS_DIR": str(models)})
    assert_one_line(result, "yolov8n.onnx", "sha256", "vision models")


@pytest.mark.parametrize("role", ["run", "infer"])
def test_a_gpu_that_is_not_there(tmp_path: Path, role: str) -> None:
    """Whoever insists on one is told why it cannot be used and what to set instead."""
    (tmp_path / "vision.yaml").write_text(CAMERA + "model: {device: cuda}\n")
    result = vision(tmp_path, role, variables=_NO_GPU)
    assert_one_line(result, "model.device: cuda, but", "auto")


def test_a_gpu_that_would_be_nice(tmp_path: Path) -> None:
    """Without one the CPU is used, and a line says why; here it ends at a wrong model."""
    (tmp_path / "vision.yaml").write_text(CAMERA + "model: {name: yolov8n, device: auto}\n")
    (tmp_path / "yolov8n.onnx").write_bytes(b"this is no model")
    result = vision(tmp_path, "run", variables=_NO_GPU | {"VISION_MODELS_DIR": str(tmp_path)})
    assert_one_line(result, "yolov8n.onnx")
    assert result.stdout.count("inference.device_chosen") == 1
    assert "cpu" in result.stdout


def test_a_port_in_use(tmp_path: Path) -> None:
    """The live page's port is named with its key."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "vision.yaml").write_text(CAMERA + f"web: {{port: {port}}}\n")
        assert_one_line(vision(tmp_path, "run"), f"port {port}", "in use")


def test_a_page_for_the_network_without_a_token(tmp_path: Path) -> None:
    """The page is not opened to a network by accident."""
    (tmp_path / "vision.yaml").write_text(CAMERA + "web: {host: 0.0.0.0}\n")
    assert_one_line(vision(tmp_path, "run"), "web.host", "web_token")


def test_a_clip_that_is_none(tmp_path: Path) -> None:
    """The simulator names the file."""
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    assert_one_line(vision(tmp_path, "simulate", "clip.mp4"), "clip.mp4")


def test_help_names_every_command(tmp_path: Path) -> None:
    """And ends with success."""
    result = vision(tmp_path, "--help")
    assert result.returncode == 0
    for command in ("run", "demo", "check", "tail", "models", "settings", "simulate"):
        assert command in result.stdout
