"""What a model said becomes one or two clean sentences, or is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.language_model import answer
from vision.domain.narration import AttemptOutcome
from vision.narration.answer import LONGEST_TEXT, AttemptFailedError, clean, text_of


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Eine Person kam.", "Eine Person kam."),
        ("  Eine Person\n\n kam.\t", "Eine Person kam."),
        ("Eine Person kam", "Eine Person kam."),
        ('"Eine Person kam."', "Eine Person kam."),
        ("„Eine Person kam.“", "Eine Person kam."),
        ("Eins kam. Zwei kam. Drei kam.", "Eins kam. Zwei kam."),
        ("Um 14.02 Uhr kam z. B. eine Person.", "Um 14.02 Uhr kam z. B. eine Person."),
        ("A person\u202e came\x1b[31m.", None),
        ("A person\u200b came.", "A person came."),
        ("A person came! Is it you? Yes.", "A person came! Is it you?"),
    ],
)
def test_a_text_is_brought_into_shape(said: str, kept: str | None) -> None:
    """White space, quotes and a third sentence go; what steers a terminal does not come through."""
    if kept is None:
        with pytest.raises(AttemptFailedError):
            clean(said)
    else:
        assert clean(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "",
        " \n ",
        "...",
        "12345 67890 12",
        "<p>Eine Person kam.</p>",
        "Siehe https://example.org/x für mehr.",
        "**Meldung** eine Person kam.",
        "```\nEine Person kam.\n```",
        '{"text": "Eine Person kam."}',
        "[Person](javascript:x) kam.",
        "| Zeit | Ort |",
        "Eine Person " * 100,
        "a" * 100_000,
    ],
)
def test_rubbish_is_refused(said: str) -> None:
    """Markup, addresses, code, numbers and novels are no sentence or two."""
    with pytest.raises(AttemptFailedError) as refusal:
        clean(said)
    assert refusal.value.outcome is AttemptOutcome.UNUSABLE


def test_a_sentence_that_the_bound_cut_off_is_left_out() -> None:
    """The one before it is whole; alone it is not usable."""
    assert clean("Eine Person kam. Sie trug einen", is_cut=True) == "Eine Person kam."
    with pytest.raises(AttemptFailedError):
        clean("Eine Person kam und trug", is_cut=True)
    assert text_of(answer("Eine Person kam. Sie trug", "length")) == "Eine Person kam."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [3]}',
        b'{"choices": [{"message": "x"}]}',
        b'{"choices": [{"message": {}}]}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": ["x"]}}]}',
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    """Whatever is missing or of another kind."""
    with pytest.raises(AttemptFailedError) as refusal:
        text_of(body)
    assert refusal.value.outcome is AttemptOutcome.MALFORMED


@given(st.binary(max_size=200) | st.text(max_size=600).map(answer))
def test_whatever_comes_is_refused_or_fit_to_be_shown(body: bytes) -> None:
    """One line, not long, printable, and nothing that a page would take for markup."""
    try:
        text = text_of(body)
    except AttemptFailedError:
        return
    assert 0 < len(text) <= LONGEST_TEXT + 1
    assert text.isprintable()
    assert not set("<>{}[]|\\`") & set(text)
    assert len(text.splitlines()) == 1


@given(st.recursive(st.none() | st.text(), lambda part: st.dictionaries(st.text(), part)))
def test_any_document_is_refused_or_fit_to_be_shown(document: object) -> None:
    """No other error comes out."""
    with pytest.raises(AttemptFailedError):
        text_of(json.dumps(document).encode())
