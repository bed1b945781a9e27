"""The shell scripts of the stack."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.compose_model import FOLDER, ROOT
from tests.support.compose_redis import USERS
from tests.support.programs import require_program

SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (FOLDER, ROOT / "scripts")
    for path in folder.rglob("*.sh")
)
MQTT = {"mqtt_username", "mqtt_password", "mqtt_homeassistant_password"}
TOKENS = {"web_token", "metrics_token", "grafana_admin_password"}

_LOGIN = "redis_exporter_login"


def _prepare(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            FOLDER / "prepare.sh",
            *("--secrets", folder / "secrets"),
            *("--data", folder / "data"),
            *("--env", folder / "env"),
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    """The linter for shell scripts has no complaint."""
    shellcheck = require_program("shellcheck")
    answer = subprocess.run(
        [shellcheck, "--external-sources", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("script", ["smoke.sh", "prepare.sh"])
def test_help_explains_and_a_wrong_option_is_refused(script: str) -> None:
    """--help tells the usage; an unknown option ends with 2 and does nothing."""
    helped = subprocess.run(
        [FOLDER / script, "--help"], capture_output=True, text=True, check=False
    )
    assert helped.returncode == 0
    assert helped.stdout.startswith(f"usage: {script}")
    refused = subprocess.run([FOLDER / script, "--no"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"usage: {script}")


def test_prepare_makes_secrets_that_nobody_else_can_read(tmp_path: Path) -> None:
    """Each has a file of its own with mode 600 and a long value of its own; none is printed."""
    answer = _prepare(tmp_path, "--demo")
    assert answer.returncode == 0, answer.stderr
    files = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    expected = {f"redis_{user}_password" for user in USERS} | TOKENS | {_LOGIN}
    expected |= MQTT
    expected |= {
        f"camera_{name}_{part}" for name in ("gate", "hall") for part in ("username", "password")
    }
    assert set(files) == expected
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    password = files["redis_exporter_password"].read_text()
    logins = json.loads(files[_LOGIN].read_text())
    assert set(logins.values()) == {password}
    made_up = {name for name in expected if not name.startswith("camera_")}
    made_up -= {_LOGIN, "mqtt_username"}
    values = [files[name].read_text() for name in made_up]
    assert len(set(values)) == len(values)
    assert min(map(len, values)) == 40
    shown = answer.stdout + answer.stderr + (tmp_path / "env").read_text()
    assert not [value for value in values if value in shown]


def test_prepare_keeps_what_is_there(tmp_path: Path) -> None:
    """Run again it changes no secret."""
    _prepare(tmp_path)
    before = {path: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert _prepare(tmp_path, "--demo").returncode == 0
    assert {path: path.read_text() for path in before} == before


def test_prepare_lets_nobody_run_as_root(tmp_path: Path) -> None:
    """The containers run as whoever owns the files, and never as root."""
    _prepare(tmp_path)
    settings = dict(
        line.split("=", 1)
        for line in (tmp_path / "env").read_text().splitlines()
        if not line.startswith("#")
    )
    uid = os.getuid() or 10001
    assert settings["RUN_AS"].split(":")[0] == str(uid)
    assert (tmp_path / "data" / "redis").stat().st_uid == uid
    assert (tmp_path / "secrets" / "web_token").stat().st_uid == uid


def test_prepare_names_the_sentinels_and_does_not_forget_them(tmp_path: Path) -> None:
    """With --ha there are folders for all five and the Sentinels stand in .env, for good."""
    assert _prepare(tmp_path, "--ha", "--bus", "10.9.8").returncode == 0
    folders = {path.name for path in (tmp_path / "data").iterdir()}
    assert folders >= {"redis", "redis-replica", "sentinel-1", "sentinel-2", "sentinel-3"}
    named = '["10.9.8.21:26379","10.9.8.22:26379","10.9.8.23:26379"]'
    for options in ((), ("--ha",)):
        assert f"REDIS_SENTINELS={named}\n" in (tmp_path / "env").read_text()
        assert _prepare(tmp_path, *options).returncode == 0


def test_prepare_goes_on_where_it_was_and_keeps_what_a_person_added(tmp_path: Path) -> None:
    """After an update it is run again, without the options of the first time."""
    assert _prepare(tmp_path).returncode == 0
    env = tmp_path / "env"
    added = "# the way in\nEDGE_ADDRESS=0.0.0.0\nNETWORKS_FILE=mine.yaml\n"
    env.write_text(env.read_text() + added)
    before = env.read_text()
    secret = tmp_path / "secrets" / "redis_narrator_password"
    secret.unlink()
    answer = subprocess.run(
        [FOLDER / "prepare.sh", "--env", env], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert secret.is_file()
    assert env.read_text() == before


def test_prepare_names_what_is_missing_and_makes_nothing(tmp_path: Path) -> None:
    """In one line with the remedy; all that it makes counts, and nothing else."""
    first = _prepare(tmp_path, "--check")
    assert first.returncode == 1
    assert list(tmp_path.iterdir()) == []
    assert _prepare(tmp_path).returncode == 0
    made = _prepare(tmp_path, "--check")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    for path in (tmp_path / "secrets").iterdir():
        assert str(path) in first.stderr
    for path in (tmp_path / "data").iterdir():
        assert f"{path}/" in first.stderr
    (tmp_path / "secrets" / "redis_events_password").unlink()
    (tmp_path / "data" / "snapshots").rmdir()
    (line,) = _prepare(tmp_path, "--check").stderr.splitlines()
    assert line == (
        f"error: missing: {tmp_path}/data/snapshots/, {tmp_path}/secrets/redis_events_password: "
        "run compose/prepare.sh, which makes them and keeps what is there"
    )
