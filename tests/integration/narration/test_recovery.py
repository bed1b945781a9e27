"""A provider that failed is left alone, and comes back by itself."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from tests.support.language_model import TEXT, LanguageModel, http, serving
from tests.support.narrating import Narrator, narration_settings
from tests.support.waiting import wait_until
from vision.config.narration import NarrationSettings
from vision.config.secrets import write_secret

pytestmark = pytest.mark.integration


def test_the_cloud_is_asked_again_once_it_works() -> None:
    """After two failures it rests; the first event after that is its trial."""
    breaker = {"failures": 2, "rest_s": 2.0}
    with serving(LanguageModel(silent=True)) as cloud, serving() as ollama:
        settings = narration_settings(cloud.url, ollama.url, timeout_s=0.2, breaker=breaker)
        with closing(Narrator(settings)) as telling:
            outcomes = [telling.narrate()[0].attempts[0].outcome.value for _ in range(4)]
            assert outcomes == ["timeout", "timeout", "resting", "resting"]
            time.sleep(2.05)
            assert telling.narrate()[0].attempts[0].outcome == "timeout", "the trial failed"
            assert telling.narrate()[0].attempts[0].outcome == "resting"
            cloud.say("Es ist jemand an der Tür.")
            told = telling.narrate()

            def is_back() -> bool:
                told.append(telling.narrate()[0])
                return told[-1].provider == "cloud"

            wait_until(is_back, "back to the cloud")
            assert telling.chain.providers[0].state == "closed"
            assert told[-1].text == "Es ist jemand an der Tür."


def test_of_many_events_one_is_the_trial() -> None:
    """The others do not wait for it."""
    breaker = {"failures": 1, "rest_s": 2.0}
    with serving(LanguageModel(silent=True)) as cloud, serving() as ollama:
        settings = narration_settings(cloud.url, ollama.url, timeout_s=1.0, breaker=breaker)
        with closing(Narrator(settings)) as telling:
            telling.narrate()
            time.sleep(2.05)
            outcomes = sorted(one.attempts[0].outcome.value for one in telling.narrate(5))
            assert outcomes == ["resting"] * 4 + ["timeout"]
            wait_until(lambda: len(cloud.asked) >= 2, "the trial arrived")
            assert len(cloud.asked) == 2


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Busy"])
def test_who_says_how_long_to_wait_is_left_alone_that_long(status: str) -> None:
    """At the first such answer."""
    response = http(b"{}", status, "application/json", "Retry-After: 3")
    with (
        serving(LanguageModel(response=response)) as cloud,
        serving() as ollama,
        closing(Narrator(narration_settings(cloud.url, ollama.url))) as telling,
    ):
        telling.narrate()
        cloud.say(TEXT)
        assert telling.narrate()[0].attempts[0].outcome == "resting"
        wait_until(lambda: telling.narrate()[0].provider == "cloud", "the seconds are over")
        assert telling.chain.providers[0].state == "closed"


def test_a_new_key_is_tried_at_once(tmp_path: Path) -> None:
    """Though the old one was refused and the provider rests for an hour."""
    key = write_secret(tmp_path / "narration_cloud_key", "sk-old-key-1")
    breaker = {"failures": 1, "rest_s": 3600}
    with (
        serving(LanguageModel(response=http(b"{}", "401 Unauthorized"))) as cloud,
        closing(Narrator(narration_settings(cloud.url, breaker=breaker), tmp_path)) as telling,
    ):
        outcomes = [telling.narrate()[0].attempts[0].outcome.value for _ in range(2)]
        assert outcomes == ["unauthorized", "resting"]
        cloud.say(TEXT)
        key.write_text("sk-new-key-2")
        assert telling.narrate()[0].provider == "cloud"
    assert [asked.headers["authorization"] for asked in cloud.asked] == [
        "Bearer sk-old-key-1",
        "Bearer sk-new-key-2",
    ]


def test_a_key_that_is_missing_or_no_key_is_no_reason_to_ask(tmp_path: Path) -> None:
    """Where the settings insist on one."""
    with serving() as cloud:
        provider = {"name": "cloud", "url": cloud.url, "model": "m", "auth": "required"}
        settings = NarrationSettings.model_validate({"providers": [provider]})
        with closing(Narrator(settings, tmp_path)) as telling:
            assert telling.narrate()[0].attempts[0].outcome == "no_key"
            write_secret(tmp_path / "narration_cloud_key", "sk-there-now")
            assert telling.narrate()[0].provider == "cloud"
    assert len(cloud.asked) == 1


def _server_tls(*names: str) -> tuple[trustme.CA, ssl.SSLContext]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return authority, context


def _tls_settings(url: str, ca_file: Path | None) -> NarrationSettings:
    provider = {"name": "cloud", "url": url, "model": "m", "timeout_s": 1.0}
    if ca_file:
        provider["ca_file"] = str(ca_file)
    return NarrationSettings.model_validate({"providers": [provider]})


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    """An authority that is not known, and a name that is not its own, are no reason to speak."""
    authority, tls = _server_tls("127.0.0.1")
    other, wrong_name = _server_tls("example.org")
    for number, known in enumerate((authority, other)):
        known.cert_pem.write_to_path(str(tmp_path / f"{number}.pem"))
    with serving(tls=tls) as cloud, serving(tls=wrong_name) as stranger:
        for url, ca_file, outcome in (
            (cloud.url, tmp_path / "0.pem", "answered"),
            (cloud.url, None, "tls"),
            (stranger.url, tmp_path / "1.pem", "tls"),
        ):
            with closing(Narrator(_tls_settings(url, ca_file))) as telling:
                assert telling.narrate()[0].attempts[0].outcome == outcome
    assert len(cloud.asked) == 1
    assert not stranger.asked


def test_an_encrypted_connection_that_drips_ends_in_its_time(tmp_path: Path) -> None:
    """Closing it waits for nobody."""
    authority, tls = _server_tls("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with (
        serving(LanguageModel(drip_s=0.3), tls=tls) as cloud,
        closing(Narrator(_tls_settings(cloud.url, tmp_path / "ca.pem"))) as telling,
    ):
        told, took_s = telling.timed()
    assert told.attempts[0].outcome == "timeout"
    # All of the answer would take a minute.
    assert took_s < 20


def test_what_is_sent_holds_the_facts_and_no_more(tmp_path: Path) -> None:
    """No cookie, no picture; the key in its header alone."""
    write_secret(tmp_path / "narration_cloud_key", "sk-only-in-its-header")
    with serving() as cloud:
        settings = narration_settings(cloud.url, limits={"max_tokens": 77})
        with closing(Narrator(settings, tmp_path)) as telling:
            telling.narrate(image_url="data:image/jpeg;base64,AA==")
    (asked,) = cloud.asked
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert set(asked.document) == {"model", "messages", "max_tokens", "stream"}
    assert asked.document["max_tokens"] == 77
    assert b"sk-only" not in asked.body
    assert b"image" not in asked.body
    assert set(asked.headers) == {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "content-type",
        "content-length",
        "authorization",
    }


def test_a_picture_goes_only_to_whom_it_is_allowed() -> None:
    """The one after it in the chain gets none."""
    with serving(LanguageModel(response=http(b"{}", "500 x"))) as cloud, serving() as ollama:
        settings = narration_settings(cloud.url, ollama.url)
        cloud_only = settings.providers[0].model_copy(update={"images": True})
        settings = settings.model_copy(update={"providers": (cloud_only, settings.providers[1])})
        with closing(Narrator(settings)) as telling:
            (told,) = telling.narrate(image_url="data:image/jpeg;base64,AA==")
    assert b"data:image/jpeg;base64,AA==" in cloud.asked[0].body
    assert b"image" not in ollama.asked[0].body
    assert (told.provider, told.image) == ("ollama", False)
