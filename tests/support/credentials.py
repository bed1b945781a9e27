"""User names and passwords that hurt whoever forgets a way to write them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from vision.telemetry.redaction import SHORTEST_ALONE

# What means something to a URL, JSON, HTML, a shell or base64; letters; what UTF-8 spells
# in two, three and four bytes, and an accent that composes.
_HOSTILE = "@:/%?#&=+'\"\\ <>;`$!~[]{}|^_-.,*()\tabcXYZ0189éßñ漢字😀\u0301"
_LONGEST = 20
# A value of nothing else may stand in a time of day by chance.
_CLOCK = set("0123456789.:-_ \t")


@dataclass(frozen=True)
class Pair:
    """A user name and its password; the repr shows them, since a failed test has to."""

    username: str
    password: str


def values() -> st.SearchStrategy[str]:
    """One of them, long enough to be looked for by itself."""
    hostile = st.text(_HOSTILE, min_size=SHORTEST_ALONE, max_size=_LONGEST)
    wild = st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]),
        min_size=SHORTEST_ALONE,
        max_size=_LONGEST,
    )
    return (hostile | wild).filter(lambda text: not set(text) <= _CLOCK)


def pairs() -> st.SearchStrategy[Pair]:
    """A user name and its password."""
    return st.builds(Pair, values(), values())
