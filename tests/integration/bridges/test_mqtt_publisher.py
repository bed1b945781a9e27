"""The publisher against a real broker: states, events, outages, refusals, TLS."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from paho.mqtt import publish

from tests.support.mqtt_broker import MqttBroker, older_broker, running_broker, watching
from tests.support.waiting import wait_until
from vision.bridges.errors import BridgeError, BridgeFailure, BridgeLoss
from vision.bridges.mqtt_outbox import EventBatch, MqttOutbox
from vision.bridges.mqtt_probe import probe_mqtt
from vision.bridges.mqtt_publisher import MqttPublisher
from vision.bridges.mqtt_session import MqttCredentials
from vision.config.bridges import MqttSettings
from vision.domain.secret import Secret

pytestmark = [
    pytest.mark.integration,
    # paho leaves the socket of a handshake that failed to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
AVAILABLE = "vision/available"
NOBODY = MqttCredentials(None, None)


class Recorded:
    """Counts."""

    def __init__(self) -> None:
        self.messages = 0
        self.failures: Counter[BridgeFailure] = Counter()
        self.losses: Counter[BridgeLoss] = Counter()

    def sent(self) -> None:
        """One more."""
        self.messages += 1

    def failed(self, failure: BridgeFailure) -> None:
        """One more."""
        self.failures[failure] += 1

    def lost(self, loss: BridgeLoss) -> None:
        """One more."""
        self.losses[loss] += 1


class Publishing:
    """A publisher in its thread; it waits less between attempts than it would."""

    def __init__(self, settings: MqttSettings, login: MqttCredentials = NOBODY) -> None:
        self.counts = Recorded()
        self.outbox = MqttOutbox()
        self.publisher = MqttPublisher(
            settings,
            lambda: login,
            self.outbox,
            AVAILABLE,
            self.counts,
            wait=lambda stop, seconds: stop.wait(min(seconds, 0.1)),
        )
        self.publisher.is_ready = True
        self.acked: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: self.publisher.run(self._stop))

    def event(self, number: int, *topics: str) -> None:
        """Put an event on ``topics``."""
        messages = tuple((topic, str(number).encode()) for topic in topics or ("vision/e",))
        parcel = EventBatch(messages, lambda: self.acked.append(number))
        assert self.outbox.put_event(parcel, 30)

    @contextmanager
    def running(self) -> Iterator[None]:
        """At work."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(30)
            assert not self._thread.is_alive()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MqttBroker]:
    """A broker that lets everybody in."""
    with running_broker(tmp_path / "broker") as running:
        yield running


def _settings(broker: MqttBroker, **changes: object) -> MqttSettings:
    return MqttSettings.model_validate({"url": broker.url, "keepalive_s": 2, **changes})


def test_states_are_retained_and_events_are_not(broker: MqttBroker) -> None:
    """Who comes later sees the newest states; events are confirmed once all of it arrived."""
    publishing = Publishing(_settings(broker))
    publishing.outbox.put_state("vision/s", b"1")
    publishing.outbox.put_state("vision/s", b"2")
    with watching(broker) as watcher, publishing.running():
        publishing.event(1, "vision/e", "frigate/e")
        watcher.wait_for("vision/e", "1")
        wait_until(lambda: publishing.acked == [1], "the confirmation")
        assert watcher.heard("vision/s") == ["2"]
        assert watcher.heard("frigate/e") == ["1"]
        with watching(broker) as later:
            wanted = {"vision/s": "2", AVAILABLE: "online"}
            wait_until(lambda: later.topics() == wanted, f"{wanted}, not {later.topics()}")
        publishing.outbox.put_state("vision/s", b"")
        watcher.wait_for("vision/s", None)
    with watching(broker) as after:
        after.wait_for(AVAILABLE, "offline")
        assert after.topics() == {AVAILABLE: "offline"}
    assert not publishing.counts.failures


def test_states_are_published_again(broker: MqttBroker) -> None:
    """So that whoever lets them expire goes on believing them."""
    publishing = Publishing(_settings(broker, refresh_s=1))
    publishing.outbox.put_state("vision/s", b"1")
    with watching(broker) as watcher, publishing.running():
        wait_until(lambda: len(watcher.heard("vision/s")) >= 2, "a second time")


def test_an_outage_costs_no_event_and_shows_no_old_state(broker: MqttBroker) -> None:
    """Events come late and in order; of a state only the newest comes."""
    publishing = Publishing(_settings(broker))
    with watching(broker) as watcher, publishing.running():
        publishing.event(1)
        watcher.wait_for("vision/e", "1")
        broker.stop()
        wait_until(lambda: not publishing.publisher.is_connected, "the loss")
        for number in range(2, 12):
            publishing.event(number)
            publishing.outbox.put_state("vision/s", str(number).encode())
        broker.start()
        watcher.wait_for("vision/s", "11")
        watcher.wait_for("vision/e", "11")
        heard = list(map(int, watcher.heard("vision/e")))
        assert sorted(set(heard)) == list(range(1, 12))
        assert heard == sorted(heard)
        # A second time where the watcher came late and was given what is retained.
        assert set(watcher.heard("vision/s")) == {"11"}
        wait_until(lambda: publishing.acked == list(range(1, 12)), "all confirmations")


def test_a_broker_that_hangs_is_given_up(broker: MqttBroker) -> None:
    """It keeps the connection and answers nothing: the keep-alive finds it out."""
    publishing = Publishing(_settings(broker, timeout_s=1))
    with watching(broker) as watcher, publishing.running():
        watcher.wait_for(AVAILABLE, "online")
        broker.pause()
        try:
            publishing.event(1)
            wait_until(lambda: not publishing.publisher.is_connected, "the loss")
            wait_until(lambda: publishing.counts.failures[BridgeFailure.TIMEOUT] >= 2, "attempts")
        finally:
            broker.resume()
        watcher.wait_for("vision/e", "1")


def test_the_queue_is_bounded(broker: MqttBroker) -> None:
    """What does not fit waits on the stream: nobody takes it."""
    broker.stop()
    publishing = Publishing(_settings(broker))
    with publishing.running():
        taken = 0
        while publishing.outbox.put_event(EventBatch((("t", b""),), lambda: None), 0.0):
            taken += 1
            assert taken < 1000
        assert taken == 64
        wait_until(lambda: publishing.counts.failures[BridgeFailure.REFUSED] > 0, "an attempt")


@pytest.mark.parametrize("login", [MqttCredentials(Secret("me"), Secret("wrong-word")), NOBODY])
def test_a_wrong_password_is_told_as_such(tmp_path: Path, login: MqttCredentials) -> None:
    """As is a missing one; nothing says what it was."""
    passwords = tmp_path / "passwords"
    passwords.write_text("other:$7$101$YWJjZGVmZ2hpamts$AAAA\n")
    passwords.chmod(0o600)
    options = ["allow_anonymous false", f"password_file {passwords}"]
    with running_broker(tmp_path / "broker", options) as broker:
        publishing = Publishing(_settings(broker), login)
        with publishing.running():
            wait_until(lambda: publishing.counts.failures[BridgeFailure.AUTH] > 0, "the refusal")
            assert not publishing.publisher.is_connected
            assert publishing.publisher.problem is not None
            assert "wrong-word" not in publishing.publisher.problem


class _Authority:
    """Certificates for a test, as files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)
        self.files = {
            name: self._issue(folder, name) for name in ("127.0.0.1", "elsewhere.test", "bridge")
        }

    def _issue(self, folder: Path, name: str) -> tuple[Path, Path]:
        issued = self._authority.issue_cert(name)
        cert, key = folder / f"{name}.pem", folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key


@pytest.mark.parametrize(
    ("server", "believes", "shows", "outcome"),
    [
        ("127.0.0.1", True, True, None),
        ("127.0.0.1", True, False, BridgeFailure.REFUSED),
        ("127.0.0.1", False, True, BridgeFailure.TLS),
        ("elsewhere.test", True, True, BridgeFailure.TLS),
    ],
    ids=["both believe", "without ours", "an unknown authority", "another name"],
)
def test_both_sides_look_at_certificates(
    tmp_path: Path,
    server: str,
    believes: bool,  # noqa: FBT001  a parameter of the test
    shows: bool,  # noqa: FBT001  as above
    outcome: BridgeFailure | None,
) -> None:
    """The broker asks for ours, and its own has to be believed and bear its name."""
    authority = _Authority(tmp_path / "tls")
    cert, key = authority.files[server]
    options = [
        f"cafile {authority.ca_file}",
        f"certfile {cert}",
        f"keyfile {key}",
        "require_certificate true",
        "allow_anonymous true",
    ]
    ours_cert, ours_key = authority.files["bridge"]
    tls: dict[str, Path] = {}
    if believes:
        tls["ca_file"] = authority.ca_file
    if shows:
        tls |= {"cert_file": ours_cert, "key_file": ours_key}
    with running_broker(tmp_path / "broker", options) as broker:
        publishing = Publishing(_settings(broker, url=f"mqtts://127.0.0.1:{broker.port}", tls=tls))
        with publishing.running():
            if outcome is None:
                publishing.event(1)
                wait_until(lambda: publishing.acked == [1], "the confirmation")
            else:
                wait_until(lambda: bool(publishing.counts.failures), "the refusal")
                # With TLS 1.3 a client hears late that its certificate is not wanted.
                late = {BridgeFailure.TLS} if outcome is BridgeFailure.REFUSED else set()
                assert set(publishing.counts.failures) <= {outcome, *late}
                assert not publishing.acked


def test_what_is_no_broker_is_told_apart(tmp_path: Path) -> None:
    """A plain client at an encrypted port, and the other way round."""
    authority = _Authority(tmp_path / "tls")
    cert, key = authority.files["127.0.0.1"]
    assert ssl.HAS_TLSv1_3
    with running_broker(
        tmp_path / "broker", ["allow_anonymous true", f"certfile {cert}", f"keyfile {key}"]
    ) as broker:
        publishing = Publishing(_settings(broker))
        with publishing.running():
            wait_until(lambda: bool(publishing.counts.failures), "the failure")
            assert not publishing.publisher.is_connected


def test_what_the_rules_forbid_is_told_with_its_topic(tmp_path: Path) -> None:
    """States and events that nobody gets, until the rules are mended; the rest goes on."""
    rules = tmp_path / "rules"
    rules.write_text("topic write vision/#\ntopic read #\n")
    options = ["allow_anonymous true", f"acl_file {rules}"]
    with running_broker(tmp_path / "broker", options) as broker:
        publishing = Publishing(_settings(broker, refresh_s=1))
        publisher = publishing.publisher
        publishing.outbox.put_state("homeassistant/x/config", b"{}")
        publishing.outbox.put_state("vision/s", b"1")
        with watching(broker) as watcher, publishing.running():
            watcher.wait_for("vision/s", "1")
            wait_until(lambda: publisher.forbidden is not None, "the refusal")
            assert "writing homeassistant/x/config" in str(publisher.forbidden)
            assert publisher.is_connected
            assert publishing.counts.failures[BridgeFailure.FORBIDDEN] > 0
            publishing.event(1, "vision/e", "frigate/events")
            publishing.event(2)
            wait_until(lambda: publishing.acked == [1, 2], "those that come after it")
            assert publishing.counts.losses == {BridgeLoss.REJECTED: 1}
            assert "and 1 more" in str(publisher.forbidden)
            rules.write_text("topic readwrite #\n")
            broker.reload()
            watcher.wait_for("homeassistant/x/config", "{}")
            publishing.event(3, "frigate/events")
            wait_until(lambda: publisher.forbidden is None, "the end of it")


def test_a_mark_that_does_not_come_back_is_told(tmp_path: Path) -> None:
    """Who may write and not read, as Mosquitto's rules have it, cannot find what it left."""
    rules = tmp_path / "rules"
    rules.write_text("topic write #\n")
    options = ["allow_anonymous true", f"acl_file {rules}"]
    with running_broker(tmp_path / "broker", options) as broker:
        publishing = Publishing(_settings(broker, timeout_s=1))
        publisher = publishing.publisher
        publisher.patterns = ("homeassistant/+",)
        publisher.is_echoed = lambda topic: topic.startswith("homeassistant/")
        publishing.outbox.put_state("homeassistant/mark", b"{}")
        with publishing.running():
            wait_until(lambda: publisher.forbidden is not None, "the silence")
            assert "reading homeassistant/mark" in str(publisher.forbidden)


def test_a_broker_that_keeps_nothing_is_told_as_such(tmp_path: Path) -> None:
    """Home Assistant would know nothing after its own restart."""
    options = ["allow_anonymous true", "retain_available false"]
    with running_broker(tmp_path / "broker", options) as broker:
        publishing = Publishing(_settings(broker))
        with publishing.running():
            wait_until(lambda: publishing.counts.failures[BridgeFailure.FORBIDDEN] > 0, "it")
            assert "keeps no retained messages" in str(publishing.publisher.problem)
        with pytest.raises(BridgeError, match="keeps no retained messages"):
            probe_mqtt(_settings(broker), NOBODY, AVAILABLE)


@pytest.mark.parametrize(
    ("rules", "frigate", "complaint"),
    [
        ("topic readwrite #", True, None),
        ("topic write vision/#\ntopic readwrite homeassistant/#", False, None),
        ("topic write vision/#", False, "writing homeassistant/sensor/"),
        ("topic readwrite homeassistant/#", False, "writing vision/check"),
        ("topic write vision/#\ntopic write homeassistant/#", False, "reading homeassistant/"),
        ("topic write vision/#\ntopic readwrite homeassistant/#", True, "writing frigate/check"),
    ],
)
def test_a_check_tells_what_the_rules_forbid(
    tmp_path: Path,
    rules: str,
    frigate: bool,  # noqa: FBT001  a parameter of the test
    complaint: str | None,
) -> None:
    """With the topic; and leaves nothing at the broker."""
    (tmp_path / "rules").write_text(f"{rules}\n")
    options = ["allow_anonymous true", f"acl_file {tmp_path / 'rules'}"]
    with running_broker(tmp_path / "broker", options) as broker:
        settings = _settings(broker, frigate=frigate, timeout_s=2)
        if complaint is None:
            assert "lets us in" in probe_mqtt(settings, NOBODY, AVAILABLE)
        else:
            with pytest.raises(BridgeError, match=complaint):
                probe_mqtt(settings, NOBODY, AVAILABLE)
        (tmp_path / "rules").write_text("topic readwrite #\n")
        broker.reload()
        with watching(broker) as watcher:
            publish.single("last", "1", retain=True, hostname="127.0.0.1", port=broker.port)
            watcher.wait_for("last", "1")
            assert watcher.topics() == {"last": "1"}


def test_a_broker_of_the_older_protocol_is_spoken_to_in_it(broker: MqttBroker) -> None:
    """One that hangs up on MQTT 5 without a word, before a real one that knows both."""
    with older_broker(broker) as port:
        publishing = Publishing(_settings(broker, url=f"mqtt://127.0.0.1:{port}"))
        with watching(broker) as watcher, publishing.running():
            publishing.event(1)
            watcher.wait_for("vision/e", "1")
            wait_until(lambda: publishing.acked == [1], "the confirmation")
