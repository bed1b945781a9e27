"""What holds is told until it is over, and lost messages a while longer."""

from __future__ import annotations

from vision.domain.trouble import Trouble
from vision.resilience.troubles import ActiveTrouble, Troubles


class Clock:
    """A clock that stands still."""

    now_s = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now_s


def test_a_trouble_holds_until_it_ends() -> None:
    """Begun again and again it is one, with the newest reason."""
    troubles = Troubles(Clock())
    troubles.begin(Trouble.HELD, "front", "first")
    troubles.begin(Trouble.HELD, "front", "second")
    troubles.begin(Trouble.HELD, "yard", "another")
    assert troubles.reasons() == ("second", "another")
    troubles.end(Trouble.HELD, "front")
    assert troubles.standing() == [ActiveTrouble(Trouble.HELD, "yard", "another")]
    assert troubles.gauge() == {("front", Trouble.HELD): False, ("yard", Trouble.HELD): True}


def test_what_never_began_ends_unnoticed() -> None:
    """Whoever works says so after each exchange."""
    troubles = Troubles(Clock())
    troubles.end(Trouble.HELD, "front")
    assert troubles.standing() == []
    assert troubles.gauge() == {}


def test_lost_messages_are_told_of_a_while_longer() -> None:
    """From the last loss, however often work went on in between; a new loss begins anew."""
    clock = Clock()
    troubles = Troubles(clock)
    troubles.begin(Trouble.DROPPED, "front", "lost")
    clock.now_s += 30
    troubles.begin(Trouble.DROPPED, "front", "lost")
    for _ in range(3):
        troubles.end(Trouble.DROPPED, "front", least_s=60)
        clock.now_s += 19
    assert troubles.reasons() == ("lost",)
    clock.now_s += 3
    assert troubles.reasons() == ()


def test_without_an_end_no_time_is_long_enough() -> None:
    """A camera of one message an hour that is always refused is never well in between."""
    clock = Clock()
    troubles = Troubles(clock)
    troubles.begin(Trouble.DROPPED, "front", "lost")
    clock.now_s += 86_400
    assert troubles.reasons() == ("lost",)


def test_two_streams_of_a_camera_are_two_troubles() -> None:
    """States that are taken say nothing of detections."""
    troubles = Troubles(Clock())
    for stream in ("detections", "status"):
        troubles.begin(Trouble.HELD, "front", f"no {stream}", of=stream)
    troubles.end(Trouble.HELD, "front", of="status")
    assert troubles.reasons() == ("no detections",)


def test_kinds_can_be_asked_for_and_left_out() -> None:
    """For whoever takes over from another process."""
    troubles = Troubles(Clock())
    troubles.begin(Trouble.OTHER_WRITER, "front", "two of us")
    troubles.note(Trouble.DROPPED, "front", "lost", lasts_s=1)
    assert troubles.reasons(Trouble.OTHER_WRITER) == ("lost",)
    assert troubles.reasons_of(Trouble.OTHER_WRITER) == ("two of us",)
