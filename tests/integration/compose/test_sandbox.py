"""The sandbox with a real engine."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.compose_model import FOLDER, ROOT, compose_command, rendered_here

SCRIPTS = ROOT / "scripts"


@cache
def _missing() -> str | None:
    """Why the sandbox cannot run here, None where it can."""
    if compose_command() != ("docker", "compose"):
        return "Docker with its Compose plugin is not installed"
    image = rendered_here()["services"]["sandbox"]["image"]
    answer = subprocess.run(
        [*("docker", "image", "inspect"), image], capture_output=True, text=True, check=False
    )
    return answer.stderr.strip() if answer.returncode else None


pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(_missing() is not None, reason=str(_missing())),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own with an empty workspace."""
    (tmp_path / "workspace").mkdir()
    shutil.copytree(ROOT / "scripts" / "lib", tmp_path / "scripts" / "lib")
    shutil.copytree(FOLDER / "sandbox", tmp_path / "compose" / "sandbox")
    shutil.copy(FOLDER / "sandbox.yaml", tmp_path / "compose")
    shutil.copy(SCRIPTS / "sandbox.sh", tmp_path / "scripts")
    return tmp_path


def _run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "sandbox.sh", *words], capture_output=True, text=True, check=False
    )


def test_a_command_gets_the_workspace_and_gives_a_file(checkout: Path) -> None:
    """A copy goes in, with folders, links and spaces; one file comes out; the copy stays a copy."""
    workspace = checkout / "workspace"
    (workspace / "a folder").mkdir()
    (workspace / "a folder" / "numbers").write_text("1\n2\n")
    (workspace / "link").symlink_to("a folder/numbers")
    answer = _run(checkout, "--", "sh", "-c", "wc -l <link >result; rm -r 'a folder'; echo said")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "said\n")
    assert (workspace / "result").read_text() == "2\n"
    assert (workspace / "result").stat().st_mode & 0o077 == 0
    assert (workspace / "a folder" / "numbers").read_text() == "1\n2\n"
    assert {path.name for path in workspace.iterdir()} == {"a folder", "link", "result"}


def test_an_earlier_result_stays_outside_and_in_place(checkout: Path) -> None:
    """It is no input, and a run without a result does not replace it."""
    result = checkout / "workspace" / "result"
    result.write_text("earlier\n")
    answer = _run(checkout, "--", "test", "!", "-e", "result")
    assert answer.returncode == 0, answer.stderr
    assert result.read_text() == "earlier\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 7", 7), ("kill -TERM $$", 143), ("sleep 60", 124)],
    ids=["its own", "a signal", "the time"],
)
def test_the_exit_code_tells_how_it_ended(checkout: Path, command: str, code: int) -> None:
    """The command's own, 128 and a signal, 124 for the time."""
    assert _run(checkout, "--time-s", "3", "--", "sh", "-c", command).returncode == code


def test_a_command_that_does_not_exist_is_said(checkout: Path) -> None:
    """As a shell says it."""
    answer = _run(checkout, "no-such-command")
    assert answer.returncode == 127
    assert "no-such-command" in answer.stderr


def test_dry_run_starts_nothing(checkout: Path) -> None:
    """It prints the command that would run."""
    answer = _run(checkout, "--dry-run", "--memory-mib", "256", "echo", "a b")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("docker compose ")
    assert answer.stdout.rstrip().endswith(r"echo a\ b")
    assert list((checkout / "workspace").iterdir()) == []


def test_nothing_gets_out() -> None:
    """The whole checklist: network, mounts, root, fork bomb, full disk, memory, output and time."""
    answer = subprocess.run(
        [SCRIPTS / "sandbox-proof.sh"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.endswith("\nall held\n")


def test_the_checklist_notices_a_container_that_is_no_sandbox() -> None:
    """As the engine starts one by itself, but for the network, ways out are found and named."""
    answer = subprocess.run(
        [
            *("docker", "run", "--rm", "--user", "0:0", "--network", "none"),
            *(
                "--tmpfs",
                "/workspace:exec",
                "--memory",
                "1g",
                "--pids-limit",
                "512",
                "--shm-size",
                "64m",
            ),
            *("--entrypoint", "python", rendered_here()["services"]["sandbox"]["image"]),
            *("-I", "-c", (FOLDER / "sandbox" / "escape.py").read_text(), "/etc/os-release"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    escaped = {line.partition("  ")[0] for line in answer.stdout.splitlines() if "ESCAPED" in line}
    assert {
        "network: raw packets",
        "mounts: a file of the host",
        "mounts: write /x",
        "mounts: run a program from /workspace",
        "mounts: environment",
        "root: CapEff",
        "root: NoNewPrivs",
        "root: user",
        "root: become root",
        "limits: fill /dev/shm",
    } <= escaped, answer.stdout + answer.stderr
