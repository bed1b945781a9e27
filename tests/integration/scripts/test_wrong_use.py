"""Every script: --help, wrong use, an engine that is away, and a dry run that changes nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.compose_model import FOLDER
from tests.support.programs import require_program
from tests.support.scripts import SCRIPTS, run_script

pytestmark = pytest.mark.integration
NAMES = sorted(path.name for path in SCRIPTS.glob("*.sh"))
NO_ENGINE = {"DOCKER_HOST": "unix:///nobody/docker.sock"}


def prepared(folder: Path) -> None:
    """What compose/prepare.sh makes, and the file ``env`` that names it."""
    places = ("--secrets", folder / "secrets", "--data", folder / "data", "--env", folder / "env")
    subprocess.run([FOLDER / "prepare.sh", *places], check=True, capture_output=True)


@pytest.mark.parametrize("name", NAMES)
def test_help_explains(name: str) -> None:
    """--help tells the usage and the exit codes, and does nothing."""
    answer = run_script(name, "--help", environ=NO_ENGINE)
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"usage: {name}")
    assert "Exit code: " in answer.stdout
    assert not answer.stderr


@pytest.mark.parametrize("name", [name for name in NAMES if name != "smoke.sh"])
def test_a_wrong_option_is_one_line(name: str) -> None:
    """With 2, and a hint to --help."""
    answer = run_script(name, "--no-such-option", environ=NO_ENGINE)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: --no-such-option")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("backup.sh", ()),
        ("migrate.sh", ("up",)),
        ("deploy.sh", ("image:1",)),
        ("rollback.sh", ()),
        ("drill.sh", ("image:1",)),
        ("smoke.sh", ()),
        ("restore.sh", ("--image", "image:1")),
    ],
)
def test_an_engine_that_is_away_is_one_line(
    name: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """Nothing is begun."""
    require_program("docker")
    env_file, archive = tmp_path / "env", tmp_path / "ariia-vision-1.tar.gz"
    env_file.write_text("")
    archive.write_bytes(b"")
    more: tuple[str | Path, ...] = ()
    if name in ("deploy.sh", "rollback.sh"):
        more = ("--state", tmp_path)
    if name == "deploy.sh":
        prepared(tmp_path)
        more = (*more, "--env-file", env_file)
    if name == "restore.sh":
        more = (archive,)
    answer = run_script(name, *more, *words, environ=NO_ENGINE)
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: the Docker engine does not answer")
    assert answer.stderr.count("\n") == 1


def test_a_release_that_needs_more_than_is_there_is_not_deployed(tmp_path: Path) -> None:
    """A machine that was set up by an older release: one line, with what is missing and the remedy."""
    prepared(tmp_path)
    missing = tmp_path / "secrets" / "redis_narrator_password"
    missing.unlink()
    words = ("--state", tmp_path / "state", "--env-file", tmp_path / "env", "image:1")
    answer = run_script("deploy.sh", *words, environ=NO_ENGINE)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"error: missing: {missing}: run compose/prepare.sh")
    assert not (tmp_path / "state").exists()
    # The remedy is one.
    prepared(tmp_path)
    assert "prepare.sh" not in run_script("deploy.sh", *words, environ=NO_ENGINE).stderr


def test_smoke_says_what_it_would_run() -> None:
    """Options reach the script of the stack."""
    answer = run_script("smoke.sh", "--dry-run", "--observe", "--camera", "front")
    assert answer.returncode == 0
    assert answer.stderr.rstrip().endswith("compose/smoke.sh --observe --camera front")


def test_certificates_are_kept_and_renewed(tmp_path: Path) -> None:
    """Run again nothing changes; other hosts, or few days left, make a new certificate."""
    require_program("openssl")
    folder = tmp_path / "tls"

    def make(*words: str) -> tuple[bytes, bytes]:
        answer = run_script("gen-certs.sh", "--dir", folder, *words)
        assert answer.returncode == 0, answer.stderr
        return (folder / "ca.crt").read_bytes(), (folder / "web.crt").read_bytes()

    assert run_script("gen-certs.sh", "--dry-run", "--dir", folder, "web", "a").returncode == 0
    assert not folder.exists()
    first = make("web", "ariia.invalid", "192.0.2.1")
    assert make("web", "ariia.invalid", "192.0.2.1") == first
    assert (folder / "web.key").stat().st_mode & 0o077 == 0
    other = make("web", "other.invalid")
    assert other[0] == first[0]
    assert other[1] != first[1]
    renewed = make("--renew-days", "398", "web", "other.invalid")
    assert renewed[1] != other[1]
    (folder / "ca.key").unlink()
    refused = run_script("gen-certs.sh", "--dir", folder, "web", "third.invalid")
    assert refused.returncode == 1
    assert "ca.key is missing" in refused.stderr


@pytest.mark.parametrize(
    "words", [("web",), ("../web", "a"), ("ca", "a"), ("web", "a b"), ("--days", "x", "web", "a")]
)
def test_names_of_certificates_are_checked(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Before anything is written."""
    answer = run_script("gen-certs.sh", "--dir", tmp_path / "tls", *words)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "tls").exists()
