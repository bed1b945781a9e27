"""A publisher tells whoever asked when a message is on its stream or given up."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.messages import detection
from tests.support.publishing import publishing_to, stream_seqs
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings

pytestmark = pytest.mark.integration


def test_a_message_is_settled_once_it_is_on_its_stream(server: RedisServer) -> None:
    """And not before."""
    acked: list[list[int]] = []
    with publishing_to(server) as running:
        running.publisher.publish(detection(1), lambda: acked.append(stream_seqs(server)))
        wait_until(lambda: bool(acked), "the message to be settled")
    assert acked == [[1]]


def test_a_message_kept_back_is_settled_at_once(server: RedisServer) -> None:
    """There is nothing to wait for."""
    acked: list[int] = []
    with publishing_to(server, PublishingSettings(empty_frames="on_change")) as running:
        for seq in (1, 2):
            running.publisher.publish(detection(seq, detections=()), partial(acked.append, seq))
        assert 2 in acked
        wait_until(lambda: sorted(acked) == [1, 2], "both to be settled")


def test_messages_that_are_left_behind_are_settled(server: RedisServer) -> None:
    """At the end of a publisher that could not send them."""
    acked: list[int] = []
    with publishing_to(server, command_timeout_s=0.2) as running:
        running.wait_connected()
        server.pause()
        for seq in (1, 2):
            running.publisher.publish(detection(seq), partial(acked.append, seq))
        assert running.finish(drain_s=0.1) == 2
        server.resume()
    assert sorted(acked) == [1, 2]
