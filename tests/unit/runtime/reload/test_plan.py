"""From the cameras that run to those that are wanted: what happens, and to whom nothing does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.config.camera import CameraSettings
from vision.config.loader import settings_from
from vision.config.switch import SwitchState, switch_state
from vision.runtime.reload.changes import changed_settings, needs_restart
from vision.runtime.reload.plan import (
    CONNECTION_KEYS,
    DesiredCamera,
    Step,
    changed_keys,
    next_switch,
    plan,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def camera(**settings: Any) -> DesiredCamera:
    """A camera as it is wanted at noon."""
    parsed = CameraSettings.model_validate({"url": "rtsp://camera/", **settings})
    return DesiredCamera(parsed, switch_state(parsed, NOW, UTC))


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ({}, {}, None),
        ({}, {"url": "rtsp://other/"}, Step.REPLACE),
        ({}, {"transport": "udp"}, Step.REPLACE),
        ({}, {"tls": {"verify": False}}, Step.REPLACE),
        ({}, {"auth": "required"}, Step.REPLACE),
        ({}, {"read_timeout_s": 9}, Step.REPLACE),
        ({}, {"fps": 9}, Step.RETUNE),
        ({}, {"labels": ["person"]}, Step.RETUNE),
        ({}, {"motion": {"enabled": True}}, Step.RETUNE),
        ({}, {"events": {"zones": {"door": [[0, 0], [1, 0], [1, 1]]}}}, Step.RETUNE),
        ({}, {"fps": 9, "url": "rtsp://other/"}, Step.REPLACE),
        ({}, {"enabled": False}, Step.SWITCH_OFF),
        ({"enabled": False}, {}, Step.SWITCH_ON),
        ({"enabled": False}, {"enabled": False, "fps": 9}, Step.RETUNE),
        ({"enabled": False}, {"enabled": False, "url": "rtsp://other/"}, Step.RETUNE),
        ({"enabled": False}, {"enabled": False, "until": "2026-06-01T13:00:00Z"}, Step.SWITCH_OFF),
        ({}, {"schedule": ["mon 08:00-18:00"]}, None),
    ],
)
def test_a_change_takes_the_least_step(
    before: dict[str, Any], after: dict[str, Any], step: Step | None
) -> None:
    actions = plan({"front": camera(**after)}, {"front": camera(**before)})
    assert [action.step for action in actions] == ([step] if step else [])


cameras = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.builds(
        camera,
        url=st.sampled_from(["rtsp://1/", "rtsp://2/"]),
        fps=st.sampled_from([1, 2]),
        enabled=st.booleans(),
        transport=st.sampled_from(["tcp", "udp"]),
    ),
)


@given(cameras, cameras)
def test_only_cameras_that_differ_are_touched_and_each_once(
    desired: dict[str, DesiredCamera], running: dict[str, DesiredCamera]
) -> None:
    actions = plan(desired, running)
    names = [action.name for action in actions]
    assert len(names) == len(set(names))
    for name in {*desired} & {*running}:
        assert (name in names) == (desired[name] != running[name])
    for action in actions:
        assert (action.step is Step.REMOVE) == (action.name not in desired)
        assert (action.step is Step.ADD) == (action.name not in running)
        assert action.camera == desired.get(action.name)
        if action.step is Step.REPLACE:
            old, new = running[action.name].settings, desired[action.name].settings
            assert changed_keys(new, old) & CONNECTION_KEYS


@given(cameras, cameras)
def test_what_was_planned_is_what_is_wanted(
    desired: dict[str, DesiredCamera], running: dict[str, DesiredCamera]
) -> None:
    state = dict(running)
    for action in plan(desired, running):
        if action.camera is None:
            del state[action.name]
        else:
            state[action.name] = action.camera
    assert state == desired
    assert plan(desired, state) == []


def test_the_next_switch_is_the_first_of_all() -> None:
    late, soon = datetime(2026, 6, 3, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    settings = camera().settings
    wanted = {
        "a": DesiredCamera(settings, SwitchState(is_on=True, until=late)),
        "b": DesiredCamera(settings, SwitchState(is_on=True, until=soon)),
        "c": DesiredCamera(settings, SwitchState(is_on=True)),
    }
    assert next_switch(wanted) == soon
    assert next_switch({"c": wanted["c"]}) is None


@pytest.mark.parametrize(
    ("values", "changed", "lasting"),
    [
        ({}, (), ()),
        ({"cameras": {"a": {"url": "rtsp://a/"}}}, ("cameras",), ()),
        ({"model": {"confidence": 0.5}}, ("model.confidence",), ()),
        ({"model": {"name": "other"}}, ("model.name",), ("model.name",)),
        ({"logs": {"areas": {"web": "debug"}}}, ("logs.areas",), ()),
        ({"events": {"confirm_s": 2}}, ("events.confirm_s",), ()),
        ({"redis": {"url": "redis://other/"}}, ("redis.url",), ("redis.url",)),
    ],
)
def test_settings_that_hold_from_the_next_start_on_are_named(
    values: dict[str, Any], changed: tuple[str, ...], lasting: tuple[str, ...]
) -> None:
    found = changed_settings(settings_from(values, "new", {}), settings_from({}, "old", {}))
    assert found == changed
    assert needs_restart(found) == lasting
