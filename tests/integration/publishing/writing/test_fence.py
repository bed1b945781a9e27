"""Several workers share a camera: whoever loses its lease leaves no gap, and claims no frame twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.messages import RUN, detection
from tests.support.publishing import RunningPublisher, publishing_to, stream_payloads, stream_seqs
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.spooling import spooling
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings
from vision.domain.losses import DropReason
from vision.domain.message import DetectionMessage
from vision.frames.redis_scripts import lease_key, state_key
from vision.frames.redis_slot import LEASE_MS, Claim, ClaimOutcome, RedisSlot
from vision.publishing.encoding import decode_detections

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"


class Worker:
    """What an inference worker does with frames, a step at a time."""

    def __init__(self, server: RedisServer, running: RunningPublisher) -> None:
        self.running = running
        self._server = server
        self._name = str(id(self))

    def take(self, seq: int, *, run: int = RUN) -> Claim:
        """Take the frame that ingest puts now; nobody may have the camera."""
        with self._slot() as slot:
            assert slot.put("front", run, seq, b"pixels", 60_000).accepted
            (taken,) = slot.take(["front"], self._name)
        assert (taken.run, taken.seq) == (run, seq)
        return taken

    def publish(self, taken: Claim) -> bytes:
        """Tell of a frame, and count those that no message before tells of."""
        payload = self.running.publisher.publish(message_of(taken))
        self.running.wait_sent()
        return payload

    def free(self, taken: Claim, outcome: ClaimOutcome = ClaimOutcome.DELIVERED) -> None:
        """Say what came of a frame."""
        with self._slot() as slot:
            slot.free([(taken, outcome)])

    def tell(self, seq: int) -> None:
        """All that is done with a frame where nothing goes wrong."""
        taken = self.take(seq)
        self.publish(taken)
        self.free(taken)

    @property
    def lost(self) -> int:
        """How many messages were not published since somebody else accounts for their frames."""
        drops = self.running.observer.drops
        assert set(drops) <= {("front", DropReason.LEASE_LOST)}
        return drops["front", DropReason.LEASE_LOST]

    @contextmanager
    def _slot(self) -> Iterator[RedisSlot]:
        settings, password = self._server.settings(), self._server.password
        with closing(RedisSlot.connect(settings, password)) as slot:
            yield slot


def message_of(taken: Claim) -> DetectionMessage:
    """A message that accounts for all frames after the one that messages told of before."""
    before = taken.before
    told = before.seq if before is not None and before.run == taken.run else 0
    return detection(taken.seq, run=taken.run, skipped=taken.seq - 1 - told)


@contextmanager
def working(server: RedisServer, publishing: PublishingSettings | None = None) -> Iterator[Worker]:
    """One of the workers."""
    with publishing_to(server, publishing, is_fenced=True) as running:
        running.wait_connected()
        yield Worker(server, running)


def expire(server: RedisServer) -> None:
    """What happens ``LEASE_MS`` after the reader was stopped."""
    with server.client() as client:
        assert 0 < client.pttl(lease_key("front")) <= LEASE_MS
        client.delete(lease_key("front"))


def assert_told(server: RedisServer, *seqs: int) -> None:
    """Those frames have messages, in order, and each gap is counted exactly."""
    found = [decode_detections(payload) for payload in stream_payloads(server).values()]
    assert [message.seq for message in found] == [*seqs]
    told = [0, *seqs]
    assert [message.skipped for message in found] == [
        later - earlier - 1 for earlier, later in itertools.pairwise(told)
    ]


@pytest.mark.parametrize("is_first", [False, True])
def test_a_late_message_is_dropped_where_another_one_counts_its_frame(
    server: RedisServer, *, is_first: bool
) -> None:
    """Before and after the other's message, and also as the first of all frames."""
    for comes_late in (False, True):
        with server.client() as client:
            client.flushall()
        told = [] if is_first else [1]
        with (
            RawSubscriber(server, _KEY) as live,
            working(server) as stopped,
            working(server) as other,
        ):
            if told:
                stopped.tell(1)
                live.next_payload()
            lost = stopped.take(2)
            expire(server)
            taken = other.take(3)
            if comes_late:
                payload = other.publish(taken)
                other.free(taken)
                stopped.publish(lost)
            else:
                stopped.publish(lost)
                payload = other.publish(taken)
                other.free(taken)
            stopped.free(lost)
            assert (stopped.lost, other.lost) == (1, 0)
            assert live.next_payload() == payload
            stopped.tell(4)
            assert_told(server, *told, 3, 4)


def test_frames_of_workers_that_die_one_after_the_other_are_counted(server: RedisServer) -> None:
    """Each of them held one, and the account is that before the first."""
    with working(server) as worker:
        worker.tell(1)
        for seq in (2, 3, 5):
            worker.take(seq)
            expire(server)
        worker.tell(7)
        assert_told(server, 1, 7)


def test_a_message_whose_sender_dies_after_it_is_claimed_by_nobody(server: RedisServer) -> None:
    """It is on the stream, whatever its sender had no time to say to the slot."""
    with working(server) as killed, working(server) as other:
        killed.publish(killed.take(1))
        expire(server)
        other.tell(2)
        assert_told(server, 1, 2)


def test_a_lease_that_ran_out_costs_nothing_while_nobody_else_takes(server: RedisServer) -> None:
    """A pause that no other worker used."""
    with working(server) as worker:
        worker.tell(1)
        taken = worker.take(2)
        expire(server)
        worker.publish(taken)
        worker.free(taken)
        worker.tell(3)
        assert worker.lost == 0
        assert_told(server, 1, 2, 3)


@pytest.mark.parametrize("told", [0, 1])
def test_a_late_message_goes_out_where_the_other_one_told_of_nothing(
    server: RedisServer, told: int
) -> None:
    """The other worker's frame was skipped: the next one counts that, and not the late one."""
    with working(server) as stopped, working(server) as other:
        if told:
            stopped.tell(1)
        late = stopped.take(2)
        expire(server)
        other.free(other.take(3), ClaimOutcome.SKIPPED)
        stopped.publish(late)
        stopped.free(late)
        other.tell(4)
        assert (stopped.lost, other.lost) == (0, 0)
        assert_told(server, *[1][:told], 2, 4)


def test_a_late_message_is_dropped_where_a_third_worker_counts_its_frame(
    server: RedisServer,
) -> None:
    """The second one told of nothing, but the account went on to the third."""
    with working(server) as stopped, working(server) as other:
        stopped.tell(1)
        late = stopped.take(2)
        expire(server)
        other.free(other.take(3), ClaimOutcome.SKIPPED)
        third = other.take(4)
        stopped.publish(late)
        stopped.free(late, ClaimOutcome.EMPTY)
        other.publish(third)
        other.free(third)
        assert stopped.lost == 1
        assert_told(server, 1, 4)


def test_a_message_that_comes_later_still_is_dropped_for_the_same_reason(
    server: RedisServer,
) -> None:
    """The other worker is some frames ahead: the stream refuses the id, and a lease was lost."""
    with working(server) as stopped, working(server) as other:
        stopped.tell(1)
        late = stopped.take(2)
        expire(server)
        for seq in (3, 4):
            other.tell(seq)
        stopped.publish(late)
        assert stopped.lost == 1
        assert_told(server, 1, 3, 4)


def test_what_waits_in_an_outage_goes_out_after_it(server: RedisServer) -> None:
    """Nobody could take the camera meanwhile; the lease ended with the server."""
    with working(server) as worker:
        worker.tell(1)
        taken = worker.take(2)
        expire(server)
        server.kill()
        worker.running.wait_away()
        worker.running.publisher.publish(message_of(taken))
        server.restart()
        worker.running.wait_sent()
        worker.free(taken)
        worker.tell(3)
        assert worker.lost == 0
        assert_told(server, 1, 2, 3)


def test_what_waits_goes_out_to_a_redis_that_lost_its_data(server: RedisServer) -> None:
    """There is no account that could claim it, and none is made up."""
    with working(server) as worker:
        taken = worker.take(1)
        with server.client() as client:
            client.flushall()
            worker.publish(taken)
            assert client.keys("*") == [_KEY.encode()]
        assert worker.lost == 0
        assert stream_seqs(server) == [1]


def test_an_account_that_redis_forgot_is_made_good(server: RedisServer) -> None:
    """It came back with an older one, as after a failover: the message is the newest told of."""
    with working(server) as worker:
        worker.tell(1)
        taken = worker.take(2)
        with server.client() as client:
            client.delete(lease_key("front"))
            client.hset(state_key("front"), mapping={"seq": "1", "taken": f"{RUN}-1"})
        worker.publish(taken)
        worker.tell(3)
        assert worker.lost == 0
        assert_told(server, 1, 2, 3)


def test_a_new_run_claims_nothing_of_the_old_one(server: RedisServer) -> None:
    """Its first message counts from 1; what waits of the old run goes before it."""
    with working(server) as stopped, working(server) as other:
        stopped.tell(1)
        late = stopped.take(2)
        expire(server)
        taken = other.take(1, run=RUN + 1)
        assert message_of(taken).skipped == 0
        stopped.publish(late)
        other.publish(taken)
        other.free(taken)
        assert stopped.lost == 0
        assert list(stream_payloads(server)) == [f"{RUN}-1", f"{RUN}-2", f"{RUN + 1}-1"]


def test_workers_of_the_version_before_go_on_beside_this_one(server: RedisServer) -> None:
    """What they take they put into the account as told of, and their messages ask for nothing."""
    with working(server) as new, publishing_to(server) as running:
        old = Worker(server, running)
        new.tell(1)
        late = new.take(2)
        expire(server)
        taken = old.take(3)
        with server.client() as client:
            # As the script of that version leaves it: the frame before counts as told of.
            client.hset(state_key("front"), "taken", late.lease)
        new.publish(late)
        running.publisher.publish(detection(3))
        running.wait_sent()
        old.free(taken)
        new.tell(4)
        assert new.lost == 0
        assert_told(server, 1, 2, 3, 4)


def test_a_message_on_the_disk_goes_out_though_the_camera_was_taken_since(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its worker ended in order and said that it will be told of: nobody claims its frame."""
    with server.client() as client, working(server) as other:
        with working(server, spooling(tmp_path)) as ended:
            taken = ended.take(1)
            client.set(_KEY, "not a stream")
            ended.running.publisher.publish(message_of(taken))
            wait_until(lambda: bool(ended.running.observer.held_for), "the message to be held")
            assert ended.running.finish(drain_s=0.2) == 0
            ended.free(taken)
        newer = other.take(2)
        client.delete(_KEY)
        with working(server, spooling(tmp_path)) as again:
            again.running.wait_sent()
            assert again.lost == 0
        other.publish(newer)
        assert_told(server, 1, 2)


def test_a_hash_of_another_type_keeps_nobody_from_publishing(server: RedisServer) -> None:
    """The slot has stopped there, and says so; what was taken before is told of."""
    with working(server) as worker:
        taken = worker.take(1)
        with server.client() as client:
            client.set(state_key("front"), "not a hash")
        worker.publish(taken)
        assert worker.lost == 0
        assert_told(server, 1)


def test_only_detections_are_fenced(server: RedisServer) -> None:
    """Without the slot there is no account: a node that runs alone asks for none."""
    with server.client() as client, publishing_to(server) as running:
        client.hset(
            state_key("front"),
            mapping={"run": str(RUN), "seq": "9", "taken": f"{RUN}-9", "prev_run": str(RUN)},
        )
        running.publisher.publish(detection(1))
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == [1]
