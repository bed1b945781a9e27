"""When a message is tried again, for how long, and what makes it given up."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from typing import Any

import pytest

from tests.support.event_messages import event
from vision.bridges.errors import BridgeError, BridgeFailure, BridgeLoss
from vision.bridges.webhook_delivery import WebhookDelivery
from vision.bridges.webhook_sender import WebhookReply
from vision.config.bridges import WebhookTarget
from vision.domain.event import EventMessage
from vision.domain.message import utc_text

NOW_S = 1_900_000_000.0


class Harness:
    """A target that answers as told, in a time of its own."""

    def __init__(self, *answers: WebhookReply | BridgeError, **target: Any) -> None:
        self.now_s = NOW_S
        self.asked: list[tuple[float, str]] = []
        self.counted: Counter[str] = Counter()
        self.stop = threading.Event()
        self._answers = list(answers)
        settings = WebhookTarget.model_validate({"name": "x", "url": "http://h", **target})
        self.delivery = WebhookDelivery(
            settings, self, self, utc_s=lambda: self.now_s, wait=self._pass_time
        )

    def post(self, message_id: str, body: bytes) -> WebhookReply:
        """The next answer; the last one for ever."""
        assert body == b"{}"
        self.asked.append((self.now_s - NOW_S, message_id))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BridgeError):
            raise answer
        return answer

    def sent(self) -> None:
        """One more."""
        self.counted["sent"] += 1

    def failed(self, failure: BridgeFailure) -> None:
        """One more."""
        self.counted[failure.value] += 1

    def lost(self, loss: BridgeLoss) -> None:
        """One more."""
        self.counted[loss.value] += 1

    def deliver(self, message: EventMessage | None = None) -> bool:
        """Deliver one that was published just now."""
        return self.delivery.deliver(message or now(), b"{}", self.stop)

    def _pass_time(self, stop: threading.Event, seconds: float) -> bool:
        self.now_s += seconds
        return stop.is_set()


def now() -> EventMessage:
    """An event of this moment."""
    message = event()
    time = dataclasses.replace(message.time, published=utc_text(int(NOW_S * 1e9)))
    return dataclasses.replace(message, time=time)


DOWN = BridgeError(BridgeFailure.REFUSED, "nobody listens there")


def test_it_is_tried_until_it_arrives_under_one_id() -> None:
    """With waits that grow."""
    scene = Harness(DOWN, WebhookReply(503), WebhookReply(500), WebhookReply(204))
    assert scene.deliver()
    assert scene.counted == {"sent": 1, "refused": 1, "status": 2}
    assert len({message_id for _, message_id in scene.asked}) == 1
    assert scene.delivery.is_reached is True
    assert scene.delivery.problem is None


def test_waits_grow_to_five_minutes_and_it_is_given_up() -> None:
    """By the age of the message, so that a restart does not begin anew."""
    scene = Harness(DOWN, give_up_s=3600)
    assert scene.deliver()
    waits = [
        later - earlier
        for (earlier, _), (later, _) in zip(scene.asked, scene.asked[1:], strict=False)
    ]
    assert max(waits) <= 300.5
    assert scene.now_s == pytest.approx(NOW_S + 3600, abs=1)
    assert scene.counted["expired"] == 1
    assert scene.counted["sent"] == 0
    asked = len(scene.asked)
    assert asked < 200
    assert scene.deliver()
    assert len(scene.asked) == asked


def test_a_server_says_when_to_come_again() -> None:
    """Not before; a wait of its own may be longer."""
    scene = Harness(WebhookReply(429, 120.0), WebhookReply(200))
    assert scene.deliver()
    assert scene.asked[1][0] >= 120


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_message_that_is_refused_as_such_makes_way(status: int) -> None:
    """The next one is not to wait for it."""
    scene = Harness(WebhookReply(status))
    assert scene.deliver()
    assert scene.counted == {"status": 1, "rejected": 1}
    assert len(scene.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 410, 429, 500])
def test_what_a_person_can_mend_is_waited_for(status: int) -> None:
    """A redirect too: it is followed nowhere."""
    scene = Harness(WebhookReply(status), WebhookReply(200))
    assert scene.deliver()
    assert scene.counted["sent"] == 1
    assert scene.counted["auth" if status in (401, 403) else "status"] == 1


def test_stopping_leaves_it_for_the_next_start() -> None:
    """It is not settled then."""
    scene = Harness(DOWN)
    scene.stop.set()
    assert not scene.deliver()
    assert not scene.asked


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ({}, True),
        ({"cameras": ["front"]}, True),
        ({"cameras": ["yard"]}, False),
        ({"labels": ["dog", "person"]}, True),
        ({"labels": ["dog"]}, False),
        ({"types": ["update"]}, False),
    ],
)
def test_a_target_is_told_what_it_wants(target: dict[str, Any], *, wanted: bool) -> None:
    """By camera, label and type."""
    assert Harness(DOWN, **target).delivery.wants(event()) is wanted
