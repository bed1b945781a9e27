"""``vision compose render``: a service per camera, always the same for the same cameras."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.compose_model import DEMO_CAMERAS, FOLDER, interpolated, rendered_here
from tests.support.compose_policy import complaints
from vision.cli.compose import add_parser
from vision.config.camera import CameraSettings
from vision.domain.errors import ConfigError
from vision.runtime.commands.compose_render import RESERVED_PROFILES, render_cameras

FRONT = CameraSettings(url="rtsp://192.0.2.20:554/stream2")
YARD = CameraSettings(url="rtsps://192.0.2.21:322/live", auth="none")
_NAME = st.from_regex(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", fullmatch=True).filter(
    lambda name: len(name) <= 20 and name not in RESERVED_PROFILES
)


def _vision(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["compose", *arguments])
    return int(args.run(args))


def test_the_order_of_the_settings_does_not_matter() -> None:
    """The same cameras in another order give the same bytes."""
    assert render_cameras({"front": FRONT, "yard": YARD}) == render_cameras(
        {"yard": YARD, "front": FRONT}
    )


def test_another_camera_leaves_the_first_as_it_is() -> None:
    """Adding a camera changes no line of those that are there: Compose restarts none."""
    one = yaml.safe_load(render_cameras({"yard": YARD}))["services"]
    two = yaml.safe_load(render_cameras({"yard": YARD, "front": FRONT}))["services"]
    assert two["ingest-yard"] == one["ingest-yard"]
    assert list(two) == ["ingest-front", "ingest-yard"]


def test_a_camera_has_its_profile_and_its_secrets_only() -> None:
    """The service names the camera; without a login it is given none."""
    document = yaml.safe_load(render_cameras({"front": FRONT, "yard": YARD}))
    front, yard = document["services"]["ingest-front"], document["services"]["ingest-yard"]
    password = {"source": "redis_ingest_password", "target": "redis_password"}
    assert front["profiles"] == ["front"]
    assert front["command"] == ["ingest", "--camera", "front"]
    assert front["secrets"] == [password, "camera_front_username", "camera_front_password"]
    assert yard["secrets"] == [password]
    assert set(document["secrets"]) == {"camera_front_username", "camera_front_password"}


def test_a_certificate_authority_is_mounted_where_the_settings_name_it() -> None:
    """A relative path is found in the container as it is on the host."""
    camera = CameraSettings.model_validate(
        {"url": "rtsps://192.0.2.21:322/live", "tls": {"ca_file": "certificates/yard.pem"}}
    )
    document = yaml.safe_load(render_cameras({"yard": camera}))
    assert document["services"]["ingest-yard"]["configs"] == [
        {"source": "camera_yard_ca", "target": "/app/certificates/yard.pem"}
    ]
    assert document["configs"] == {"camera_yard_ca": {"file": "../certificates/yard.pem"}}


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=30).filter(
        lambda text: str(Path(text)) == text
    )
)
@example("certificates/$HOME.pem")
@example("$$")
@example("${SECRETS_DIR:-x}/ca.pem")
@example("~/ca.pem")
@example("/etc/ssl/a: b #c.pem")
@example(" '\"{[*&!|>%@`]} ")
@example("y\x85ard.pem")
@example("\u2028")
def test_a_path_reaches_compose_as_it_is(ca_file: str) -> None:
    """No character of it means anything to YAML or to Compose's interpolation."""
    camera = CameraSettings.model_validate(
        {"url": "rtsps://192.0.2.21:322/live", "auth": "none", "tls": {"ca_file": ca_file}}
    )
    document = yaml.safe_load(render_cameras({"yard": camera}))
    (config,) = document["services"]["ingest-yard"]["configs"]
    assert interpolated(config["target"]) == str(Path("/app") / ca_file)
    assert interpolated(document["configs"]["camera_yard_ca"]["file"]) == str(Path("..") / ca_file)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(_NAME, st.sampled_from([FRONT, YARD]), max_size=4))
def test_any_names_give_a_file_with_those_names(cameras: dict[str, CameraSettings]) -> None:
    """Whatever a camera is called, it comes out of the YAML as text and unchanged."""
    services = yaml.safe_load(render_cameras(cameras))["services"]
    assert [service["profiles"] for service in services.values()] == [
        [name] for name in sorted(cameras)
    ]


@pytest.mark.parametrize("name", ["1e3", "0o17", "123", "yes", "null", "y", "n"])
def test_a_name_that_looks_like_a_value_is_quoted(name: str) -> None:
    """YAML parsers differ in what they take for a number or a truth value."""
    lines = render_cameras({name: YARD}).splitlines()
    assert [line.strip() for line in lines if line.strip().strip("- '\"") == name] == [
        line.strip() for line in lines if line.strip() in (f'- "{name}"', f"- '{name}'")
    ]


@pytest.mark.parametrize("name", RESERVED_PROFILES)
def test_a_profile_of_the_stack_is_no_name_for_a_camera(name: str) -> None:
    """The error names the camera and what to do."""
    with pytest.raises(ConfigError, match=rf"cameras\.{name}: .* rename the camera"):
        render_cameras({name: FRONT})


def _services() -> list[tuple[str, dict[str, Any]]]:
    """Names and services of all Compose files of the repository but the rendered ones."""
    documents = [
        yaml.safe_load(path.read_text())
        for path in sorted(FOLDER.rglob("*.y*ml"))
        if path != DEMO_CAMERAS and re.search(r"^services:", path.read_text(), re.MULTILINE)
    ]
    return [item for document in documents for item in document["services"].items()]


def test_the_reserved_names_are_those_of_the_stack() -> None:
    """No profile of any file is left out of the list, and none stands there in vain."""
    used = {name for _, service in _services() for name in service.get("profiles", [])}
    assert "redis-ha" in used
    assert used == set(RESERVED_PROFILES)


def test_no_service_of_the_stack_has_the_name_of_a_cameras() -> None:
    """One would replace the other."""
    assert [name for name, _ in _services() if name.startswith("ingest-")] == []


def test_what_is_rendered_complies_with_the_policy(tmp_path: Path) -> None:
    """Cameras of any sort are hardened like the rest."""
    path = tmp_path / "cameras.yaml"
    path.write_text(render_cameras({"front": FRONT, "yard": YARD, "1e3": FRONT}))
    assert complaints(rendered_here(path)) == []


def test_the_demo_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed services are those of the committed settings."""
    config = str(FOLDER / "demo" / "vision.yaml")
    assert _vision(["render", "--check", "--config", config, "--output", str(DEMO_CAMERAS)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_check_tells_of_a_file_that_is_out_of_date_and_leaves_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, old and current files are told apart; only a render without --check writes."""
    config, output = tmp_path / "vision.yaml", tmp_path / "cameras.yaml"
    config.write_text("cameras: {front: {url: 'rtsp://192.0.2.20/x'}}")
    arguments = ["render", "--config", str(config), "--output", str(output)]
    assert _vision([*arguments, "--check"]) == 1
    assert not output.exists()
    assert _vision(arguments) == 0
    assert _vision([*arguments, "--check"]) == 0
    config.write_text("cameras: {yard: {url: 'rtsp://192.0.2.20/x'}}")
    before = output.read_bytes()
    assert _vision([*arguments, "--check"]) == 1
    assert output.read_bytes() == before
    assert "run `vision compose render`" in capsys.readouterr().err


def test_it_goes_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a container renders it, which can write no file of the host."""
    config = tmp_path / "vision.yaml"
    config.write_text("cameras: {front: {url: 'rtsp://192.0.2.20/x', enabled: false}}")
    assert _vision(["render", "--config", str(config), "--output", "-"]) == 0
    # A camera that is switched off says so, and can be switched on without another container.
    assert [*yaml.safe_load(capsys.readouterr().out)["services"]] == ["ingest-front"]


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """The error names the file."""
    config = tmp_path / "vision.yaml"
    config.write_text("cameras: {}")
    output = tmp_path / "none" / "cameras.yaml"
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        _vision(["render", "--config", str(config), "--output", str(output)])
