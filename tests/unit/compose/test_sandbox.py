"""The sandbox: what it is made of, and what its script refuses before it asks an engine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.compose_model import ROOT, rendered_here
from tests.support.programs import require_program

SANDBOX = ROOT / "scripts" / "sandbox.sh"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a checkout of its own, with an empty workspace."""
    (tmp_path / "workspace").mkdir()
    shutil.copytree(ROOT / "scripts" / "lib", tmp_path / "scripts" / "lib")
    shutil.copytree(ROOT / "compose" / "sandbox", tmp_path / "compose" / "sandbox")
    shutil.copy(ROOT / "compose" / "sandbox.yaml", tmp_path / "compose")
    return Path(shutil.copy(SANDBOX, tmp_path / "scripts"))


def _run(script: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *words],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_has_nothing_that_leads_out() -> None:
    """No network, mount, secret, published port or environment; all limits; nothing on the disk."""
    service = rendered_here()["services"]["sandbox"]
    assert service["network_mode"] == "none"
    leads_out = {"networks", "volumes", "secrets", "configs", "ports", "environment", "env_file"}
    assert not leads_out & service.keys()
    assert service["memswap_limit"] == service["mem_limit"]
    assert {"cpus", "pids_limit", "shm_size", "ulimits"} <= service.keys()
    assert service["logging"] == {"driver": "none"}
    assert service["pull_policy"] == "never"
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/workspace", "/tmp"]  # noqa: S108  in the container
    assert service["user"] not in {"0:0", rendered_here()["services"]["infer"]["user"]}


@pytest.mark.parametrize(
    "option",
    [
        "--privileged",
        "--network=host",
        "--volume=/:/host",
        "-v",
        "--cap-add=ALL",
        "--user=0",
        "--pid=host",
        "--security-opt=seccomp=unconfined",
        "--time=1",
        "-e",
    ],
)
def test_an_option_that_would_weaken_it_is_refused(script: Path, option: str) -> None:
    """Whatever it does not know it does not pass on."""
    answer = _run(script, option, "true")
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: {option}: no such option")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--time-s", "0"),
        ("--time-s", "3601"),
        ("--time-s", "1e9"),
        ("--memory-mib", "8192"),
        ("--memory-mib", "-1"),
        ("--memory-mib", "64 --privileged"),
    ],
)
def test_a_limit_has_a_limit(script: Path, option: str, value: str) -> None:
    """Which option, what was given, and what may be."""
    answer = _run(script, option, value, "true")
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: {option}: '{value}' is not a whole number from ")


def test_help_explains(script: Path) -> None:
    """--help tells the usage, without engine or workspace."""
    (script.parents[1] / "workspace").rmdir()
    answer = _run(script, "--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage: sandbox.sh")


def test_without_a_command_or_a_workspace_nothing_starts(script: Path) -> None:
    """Each is one clear line."""
    assert "no command" in _run(script).stderr
    (script.parents[1] / "workspace").rmdir()
    answer = _run(script, "true")
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert "is no folder" in answer.stderr


def test_a_workspace_that_is_a_link_is_refused(script: Path) -> None:
    """It would copy any folder of the machine."""
    workspace = script.parents[1] / "workspace"
    workspace.rmdir()
    workspace.symlink_to("/etc")
    answer = _run(script, "true")
    assert answer.returncode == 2
    assert "is a link" in answer.stderr


def test_a_workspace_that_does_not_fit_is_refused(script: Path) -> None:
    """Before anything is copied; a sparse file counts as what it says it is."""
    with (script.parents[1] / "workspace" / "large").open("wb") as large:
        large.truncate(200 << 20)
    answer = _run(script, "true")
    assert answer.returncode == 2
    assert "fit into the sandbox" in answer.stderr


def test_a_result_that_cannot_be_written_is_noticed_first(script: Path) -> None:
    """No run for nothing."""
    for result in ("/nowhere/result", str(script.parent)):
        answer = _run(script, "--result", result, "true")
        assert answer.returncode == 2
        assert answer.stderr.startswith(f"error: --result {result}: cannot be written")


def test_without_an_engine_it_says_so(script: Path) -> None:
    """One line, 125, and no file is left."""
    require_program("docker")
    answer = _run(
        script,
        "true",
        PATH="/usr/local/bin:/usr/bin:/bin",
        DOCKER_HOST="unix:///nonexistent/docker.sock",
    )
    assert answer.returncode == 125
    assert answer.stderr.startswith("error: the engine does not answer")
    assert list((script.parents[1] / "workspace").iterdir()) == []
