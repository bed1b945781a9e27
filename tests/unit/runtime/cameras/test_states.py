"""One state from what the worker says and the watchdog sees, in whatever order they come."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vision.domain.status import CameraState
from vision.runtime.cameras.states import TRANSITIONS, CameraStates, Observation, StateChange

ONLINE = StateChange(CameraState.ONLINE, "frames arrive")
STEP = StateChange(CameraState.CLOCK_STEP, "jumped by 10 s")
REPORTED = [state for state in CameraState if state is not CameraState.STALLED]


def shown(news: list[StateChange]) -> list[CameraState]:
    """The states of some news."""
    return [told.state for told in news]


def online() -> CameraStates:
    """A camera that is online in run 1."""
    states = CameraStates()
    states.report(1, ONLINE)
    return states


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(1, 3), st.sampled_from(REPORTED), st.sampled_from(["a", "b"])),
            st.sampled_from(Observation),
        ),
        max_size=40,
    )
)
def test_only_legal_transitions_are_told(
    events: list[tuple[int, CameraState, str] | Observation],
) -> None:
    """Whatever workers of three runs and the watchdog say, in any order."""
    states, told = CameraStates(), [CameraState.STARTING]
    for event in events:
        if isinstance(event, Observation):
            news = states.observe(event)
        else:
            run, state, reason = event
            news = states.report(run, StateChange(state, reason))
        told += shown(news)
    for earlier, later in itertools.pairwise(told):
        assert later is earlier or later in TRANSITIONS[earlier], (earlier, later)


def test_every_state_but_the_first_can_be_reached_and_left() -> None:
    """The table names all of them, and none is a trap."""
    assert set(TRANSITIONS) == set(CameraState)
    assert set().union(*TRANSITIONS.values()) == set(CameraState)
    assert all(TRANSITIONS.values())


def test_a_clock_step_is_an_event_and_what_held_goes_on_to_hold() -> None:
    """Told once with its size, then the state from before, which the step explains."""
    states = online()
    assert states.report(1, STEP) == [STEP, StateChange(CameraState.ONLINE, STEP.reason)]
    states.report(1, StateChange(CameraState.FROZEN, "nothing new"))
    assert shown(states.report(1, STEP)) == [CameraState.CLOCK_STEP, CameraState.FROZEN]


def test_a_clock_step_of_a_camera_that_shows_nothing_is_none() -> None:
    """A report that comes before the first picture cannot have been made."""
    states = CameraStates()
    assert states.report(1, STEP) == []
    assert shown(states.report(1, ONLINE)) == [CameraState.ONLINE]


def test_a_clock_step_does_not_make_a_stalled_camera_look_online() -> None:
    """The report was on its way when the watchdog found the camera quiet."""
    states = online()
    states.observe(Observation.NOTHING)
    assert shown(states.report(1, STEP)) == [CameraState.CLOCK_STEP, CameraState.STALLED]
    assert shown(states.observe(Observation.PICTURES)) == [CameraState.ONLINE]


def test_a_frozen_camera_that_stalls_is_frozen_again_afterwards() -> None:
    """The two are different facts; one does not take back the other."""
    states = online()
    states.report(1, StateChange(CameraState.FROZEN, "nothing new"))
    assert shown(states.observe(Observation.NOTHING)) == [CameraState.STALLED]
    assert shown(states.observe(Observation.PICTURES)) == [CameraState.FROZEN]


def test_packets_that_do_not_decode_are_told_apart_from_silence() -> None:
    """And are forgotten when a picture comes."""
    states = online()
    assert shown(states.observe(Observation.PACKETS)) == [CameraState.DECODE_ERROR]
    assert shown(states.observe(Observation.NOTHING)) == [CameraState.STALLED]
    assert shown(states.observe(Observation.PACKETS)) == [CameraState.DECODE_ERROR]
    assert states.observe(Observation.PICTURES) == [
        StateChange(CameraState.ONLINE, "frames arrive again")
    ]


def test_silence_of_a_camera_that_is_not_connected_is_no_stall() -> None:
    """Its state already says more."""
    states = online()
    states.report(1, StateChange(CameraState.AUTH_FAILED, "401", 5))
    assert states.observe(Observation.NOTHING) == []


def test_what_a_replaced_worker_says_late_is_not_heard() -> None:
    """Its successor has reported already."""
    states = online()
    states.report(2, StateChange(CameraState.RECONNECTING, "the ingest worker was killed"))
    states.report(2, StateChange(CameraState.STARTING, "the ingest worker starts"))
    assert states.report(1, ONLINE) == []
    assert shown(states.report(2, ONLINE)) == [CameraState.ONLINE]


def test_nothing_but_a_start_follows_the_end() -> None:
    """A last word of a worker does not bring a stopped camera back."""
    states = online()
    states.report(1, StateChange(CameraState.STOPPED, "the node stops"))
    assert states.report(1, ONLINE) == []
    assert states.observe(Observation.PACKETS) == []
    assert shown(states.report(2, StateChange(CameraState.STARTING, "again"))) == [
        CameraState.STARTING
    ]
