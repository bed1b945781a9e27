"""Whatever a provider does, the next one answers, and the sentence comes in its time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.language_model import (
    TEXT,
    LanguageModel,
    answer,
    closed_port,
    http,
    serving,
    silent_port,
)
from tests.support.narrating import Narrator, narration_settings
from vision.config.secrets import write_secret

pytestmark = pytest.mark.integration
# Nobody who says nothing, or too little at a time, would have ended by now.
_MUCH_LATER_S = 15.0

_HTML = http(b"<!doctype html><h1>Bad gateway</h1>", kind="text/html")
_BAD_DAYS = {
    "slow": (LanguageModel(delay_s=60), "timeout"),
    "silent": (LanguageModel(silent=True), "timeout"),
    "dripping": (LanguageModel(drip_s=0.2), "timeout"),
    "dripping_body": (LanguageModel(drip_s=0.03, response=http(answer("x " * 800))), "timeout"),
    "dropped_before": (LanguageModel(cut_after=0), "dropped"),
    "dropped_in_head": (LanguageModel(cut_after=20), "dropped"),
    "dropped_in_body": (LanguageModel(cut_after=150), "dropped"),
    "html": (LanguageModel(response=_HTML), "malformed"),
    "bad_json": (LanguageModel(response=http(b'{"choices": [')), "malformed"),
    "no_body": (LanguageModel(response=http(b"")), "malformed"),
    "not_utf8": (LanguageModel(response=http(b'{"choices":"\xff\xfe"}')), "malformed"),
    "no_http": (LanguageModel(response=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "malformed"),
    "says_nothing": (LanguageModel(response=http(answer(""))), "unusable"),
    "says_markup": (LanguageModel(response=http(answer("<b>x</b>"))), "unusable"),
    "megabyte": (LanguageModel(response=http(answer("Ja. " * 250_000))), "too_large"),
    "endless": (
        LanguageModel(response=b"HTTP/1.1 200 OK\r\n\r\n" + bytes(400_000)),
        "too_large",
    ),
    "bad_request": (LanguageModel(response=http(b"{}", "400 Bad Request")), "refused"),
    "no_such_model": (LanguageModel(response=http(b"{}", "404 Not Found")), "refused"),
    "wrong_key": (LanguageModel(response=http(b"{}", "401 Unauthorized")), "unauthorized"),
    "forbidden": (LanguageModel(response=http(b"{}", "403 Forbidden")), "unauthorized"),
    "too_often": (LanguageModel(response=http(b"{}", "429 Too Many Requests")), "rate_limited"),
    "broken": (LanguageModel(response=http(b"{}", "500 Oops")), "server_error"),
    "odd_status": (LanguageModel(response=http(b"{}", "299 Odd")), "malformed"),
}


@contextmanager
def narrator(*urls: str, **changes: object) -> Iterator[Narrator]:
    """A chain with providers at ``urls``."""
    with closing(Narrator(narration_settings(*urls, **changes))) as running:  # type: ignore[arg-type]
        yield running


@pytest.mark.parametrize("day", _BAD_DAYS)
def test_the_next_one_answers(day: str) -> None:
    """Within its own time and the first one's, and the message says what came of that."""
    model, outcome = _BAD_DAYS[day]
    # Who says something has the time that a busy machine takes to hear it.
    timeout_s = 0.3 if outcome == "timeout" else 20.0
    with (
        serving(model) as cloud,
        serving() as ollama,
        narrator(cloud.url, ollama.url, timeout_s=timeout_s) as telling,
    ):
        told, took_s = telling.timed()
    assert (told.provider, told.model, told.text) == ("ollama", "m-ollama", TEXT)
    assert [attempt.outcome.value for attempt in told.attempts] == [outcome, "answered"]
    assert told.attempts[0].latency_s < _MUCH_LATER_S
    assert took_s < 2 * _MUCH_LATER_S
    assert len(cloud.asked) == 1, "nothing is asked twice"


@pytest.mark.parametrize("hole", ["no_handshake", "nobody", "no_name", "hanging_name", "elsewhere"])
def test_the_template_answers_when_nobody_can_be_reached(hole: str) -> None:
    """A black hole, a closed port, a resolver that fails or hangs, a local name that is none."""
    release = threading.Event()

    def lookup(host: str, _port: int) -> list[str]:
        if host == "hanging":
            release.wait(60)
        if host == "elsewhere":
            return ["93.184.216.34"]
        raise OSError("no such name")

    outcomes = {"nobody": "unreachable", "no_name": "dns", "elsewhere": "dns"}
    with silent_port() as silent:
        urls = {"no_handshake": silent, "nobody": closed_port()}
        url = urls.get(hole, f"http://{hole.removesuffix('_name').replace('_', '-')}:1/v1")
        with closing(Narrator(narration_settings(url), lookup=lookup)) as telling:
            told, took_s = telling.timed()
    release.set()
    assert told.provider == "template"
    assert told.text == (
        "Eine Person ist um 14:02 Uhr an Kamera front (Bereich Haustür) aufgetaucht."
    )
    assert [attempt.outcome for attempt in told.attempts] == [outcomes.get(hole, "timeout")]
    assert took_s < _MUCH_LATER_S


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """The other address sees neither the key nor the event."""
    write_secret(tmp_path / "narration_cloud_key", "sk-stays-here")
    with serving() as other, serving() as cloud:
        cloud.response = http(
            b"", "307 Temporary Redirect", "text/html", f"Location: {other.url}/chat/completions"
        )
        with closing(Narrator(narration_settings(cloud.url), tmp_path)) as telling:
            (told,) = telling.narrate()
    assert [attempt.outcome for attempt in told.attempts] == ["redirected"]
    assert cloud.asked[0].headers["authorization"] == "Bearer sk-stays-here"
    assert other.connections == 0


def test_all_are_silent_and_the_sentence_comes_in_time() -> None:
    """With the times that the settings have by default: no sooner than they say, and not much later."""
    with silent_port() as first, serving(LanguageModel(drip_s=0.2)) as second:
        settings = narration_settings(first, second.url, timeout_s=1.3)
        second_one = settings.providers[1].model_copy(update={"timeout_s": 1.3})
        providers = (settings.providers[0], second_one)
        settings = settings.model_copy(update={"providers": providers, "deadline_s": 3.0})
        with closing(Narrator(settings)) as telling:
            told, took_s = telling.timed()
    assert told.provider == "template"
    assert [attempt.outcome for attempt in told.attempts] == ["timeout", "timeout"]
    assert took_s + 0.05 >= 2.6
    assert took_s < _MUCH_LATER_S


def test_many_events_at_once_share_the_time() -> None:
    """Those that find no room with a provider that hangs go on to the next in the same time."""
    changes = {"limits": {"at_once": 2}, "breaker": {"failures": 100}}
    with (
        serving(LanguageModel(silent=True)) as cloud,
        serving() as ollama,
        narrator(cloud.url, ollama.url, **changes) as telling,
    ):
        told = telling.narrate(8)
    assert "ollama" in {one.provider for one in told}
    outcomes = [one.attempts[0].outcome.value for one in told]
    # Whom a busy machine began with late may have found a place that was free again.
    assert set(outcomes) <= {"busy", "timeout"}
    assert 2 <= outcomes.count("timeout") < 8
    assert len(cloud.asked) <= outcomes.count("timeout")


def test_a_provider_is_asked_so_often_in_a_minute() -> None:
    """The next one takes the rest; that is no failure."""
    with (
        serving() as cloud,
        serving() as ollama,
        narrator(cloud.url, ollama.url, limits={"per_minute": 3}) as telling,
    ):
        told = [telling.narrate()[0] for _ in range(5)]
        assert telling.chain.providers[0].state == "closed"
    assert [one.provider for one in told] == ["cloud"] * 3 + ["ollama"] * 2
    assert told[3].attempts[0].outcome == "limited"
    assert len(cloud.asked) == 3
