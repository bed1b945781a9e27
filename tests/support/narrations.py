"""Narration messages for tests, and a strategy that makes them up."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from tests.support.messages import RUN
from vision.domain.message import utc_text
from vision.domain.narration import (
    NARRATION_SCHEMA,
    AttemptOutcome,
    NarrationAttempt,
    NarrationMessage,
    NarrationTime,
)


def narration(
    number: int = 1, revision: int = 0, text: str = "Es ist jemand da."
) -> NarrationMessage:
    """What the template said of an event, after a provider that did not answer."""
    event, at = f"front:{RUN}-{number}-0", utc_text(RUN * 1_000_000)
    return NarrationMessage(
        schema=NARRATION_SCHEMA,
        id=f"{event}:{revision}",
        camera="front",
        event=event,
        type="new",
        revision=revision,
        label="person",
        language="de",
        text=text,
        provider="template",
        model=None,
        template="de/1",
        image=False,
        time=NarrationTime(at, at, at),
        latency_ms=1300.5,
        attempts=(NarrationAttempt("cloud", AttemptOutcome.TIMEOUT.value, 1300.2),),
    )


def strange_narrations() -> st.SearchStrategy[NarrationMessage]:
    """Narrations with all that the contract allows in them."""
    word = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
    name = st.lists(word, min_size=1, max_size=3).map("-".join)
    text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
    moment = st.integers(0, 4_000_000_000 * 10**9).map(utc_text)
    event = st.builds("{}:{}-{}-{}".format, name, *[st.integers(1, 10**8)] * 3)
    number = st.integers(0, 10**9)
    attempt = st.builds(
        NarrationAttempt,
        name,
        st.sampled_from([outcome.value for outcome in AttemptOutcome]),
        st.floats(0, 1e9),
    )
    return st.builds(
        NarrationMessage,
        schema=st.just(NARRATION_SCHEMA),
        id=st.builds("{}:{}".format, event, number),
        camera=name,
        event=event,
        type=st.sampled_from(["new", "update", "end"]),
        revision=number,
        label=text,
        language=st.sampled_from(["de", "en"]),
        text=text,
        provider=name,
        model=st.none() | text,
        template=st.sampled_from(["de/1", "en/12"]),
        image=st.booleans(),
        time=st.builds(NarrationTime, moment, moment, moment),
        latency_ms=st.floats(0, 1e9),
        attempts=st.lists(attempt, max_size=3).map(tuple),
    )
