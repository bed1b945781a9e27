"""Texts that a reader's software would make a link of, and sentences that it would not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from tests.support.event_messages import event
from vision.narration.answer import AttemptFailedError, clean
from vision.narration.facts import facts_of
from vision.narration.links import is_clickable, with_spaces
from vision.narration.wording import sentence

CLICKABLE = (
    "javascript:alert(1)",
    "JaVaScRiPt :alert(1)",
    "java\u017fcript:x",
    "data:text/html,x",
    "vbscript:x",
    "magnet:?xt=urn",
    "intent://x",
    "ftp://x",
    "ftp.example.com",
    "sms:123",
    "tel:+491701234567",
    "mailto:a",
    "https://x",
    "\uff48\uff54\uff54\uff50\uff1a\uff0f\uff0fx",
    "http&colon;//x",
    "http&#58;x",
    "evil&period;com",
    "//host/x",
    "www.x",
    "www2.x",
    "evil.com",
    "evil.com/x",
    "t.co/abc",
    "a-b.c-d.museum",
    "evil\u3002com",
    "evil\uff61com",
    "evil\uff0ecom",
    "evil\u2024com",
    "ev\ufe0fil.c\ufe0fom",
    "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
    "xn--e1awd7f.xn--p1ai",
    "localhost:8080",
    "127.0.0.1",
    "2001:db8::1",
    "::1",
    "fe80:0:0:0:1:2:3:4",
    "a@b",
    "jemand@example.org",
    "@everyone",
    "/start",
    "+49 170 1234567",
    "0170/1234567",
)
ORDINARY = (
    "Um 10.30 Uhr kam z.B. eine Person.",
    "Eine Person war von 10:30 bis 10:35 Uhr an Kamera front (Bereich door).",
    "Am 30.11.2026 d.h. gestern, i.d.R. um 12.05 Uhr, u.a. ein Hund.",
    "At 10:30:15 a.m. a car appeared, i.e. on 2026-11-30.",
    "Die Nachbar:in und jede:r der Besucher:innen kamen.",
    "Ein Paketbote/eine Botin kam um ca. 10 Uhr und/oder blieb.",
    "Kamera front: Eine Person.",
    "Nach 1200 Sekunden ging sie weg...und kam wieder.",
    "Ein Auto von Meier & Co hielt 7.5 m am Tor (2 Erw., 1 Kind).",
    "He said: hello; the U.S. van left at 24/7 speed.",
)


@pytest.mark.parametrize("link", CLICKABLE)
@pytest.mark.parametrize("around", ["{}", "Siehe {} am Tor.", "Die Person ging. ({})"])
def test_an_answer_with_a_link_is_refused(link: str, around: str) -> None:
    """Wherever in it, and however it is written."""
    with pytest.raises(AttemptFailedError):
        clean(around.format(link) + " Eine Person steht lange an der Tür und geht dann weiter.")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_are_taken(text: str) -> None:
    """Times, dates, abbreviations and colons are no links."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Sie ging durchs Tor.Ein Auto kam.", "Sie ging durchs Tor. Ein Auto kam."),
        ("The person left.It was 10.30.", "The person left. It was 10.30."),
        ("Mehr auf Evil.Com heute.", "Mehr auf Evil. Com heute."),
    ],
)
def test_a_missing_space_is_put_between_sentences(said: str, kept: str) -> None:
    """So that nobody reads a domain of Spain or Italy there."""
    assert clean(said) == kept
    assert not is_clickable(kept)


def test_spaces_are_put_nowhere_else() -> None:
    """Abbreviations and what is written small stay as they are."""
    for text in ("z.B. um 3.Uhr", "a.b", "evil.com", ""):
        assert with_spaces(text) == text


@pytest.mark.parametrize("link", CLICKABLE)
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_label_is_no_link_in_the_template(link: str, language: str) -> None:
    """Labels come from a model's file, or from whoever writes to the stream."""
    facts = facts_of(replace(event(), label=link), UTC)
    assert not is_clickable(sentence(facts, language))  # type: ignore[arg-type]
