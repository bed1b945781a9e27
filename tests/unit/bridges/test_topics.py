"""Whatever a message holds, it becomes one plain level of a topic."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.bridges.topics import Topics, level, slug
from vision.config.bridges import MqttSettings


@pytest.mark.parametrize(
    ("text", "as_level", "as_slug"),
    [
        ("person", "person", "person"),
        ("cell phone", "cell phone", "cell_phone"),
        ("a/+#\0b", "a____b~3c525eab", "a_b"),
        ("", "~3ab190cc", "_"),
        ("Öl", "Öl", "l"),
    ],
)
def test_names(text: str, as_level: str, as_slug: str) -> None:
    """Unchanged where they can be."""
    assert level(text) == as_level
    assert slug(text) == as_slug


@settings(deadline=None)
@given(st.text(st.characters()), st.none() | st.text(st.characters()))
def test_any_text_is_a_topic_that_the_client_takes(label: str, zone: str | None) -> None:
    """No wildcard, no further level, no byte that MQTT forbids."""
    topics = Topics.of(MqttSettings())
    for topic in (topics.count("front", zone, label), topics.occupancy("front", zone, label)):
        assert len(topic.split("/")) == (4 if zone is None else 6)
        assert not re.search(r"[+#\x00]", topic)
        assert len(topic.encode()) < 65_536
    assert re.fullmatch(r"[a-z0-9_]+", slug(label))


_HARD = st.text(st.sampled_from("ab_-/+#~ \0\ud800"), max_size=4)


@settings(deadline=None)
@given(_HARD, _HARD)
def test_no_two_names_become_one_level(one: str, other: str) -> None:
    """However alike they look once changed; those of 64 characters and more neither."""
    assert (level(one) == level(other)) == (one == other)
    assert level("x" * 64 + one) != level("x" * 64 + "c" + other)


def test_frigates_availability_takes_the_place_of_ours() -> None:
    """A connection has one will."""
    assert Topics.of(MqttSettings()).available == "vision/available"
    assert Topics.of(MqttSettings(frigate=True)).available == "frigate/available"
