"""What every subscriber may rely on, judged from what stands on a stream and what came live."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_DETECTIONS = "vision.detections/"


@dataclass(frozen=True, slots=True)
class Message:
    """A detection message, as far as the contract speaks of it.

    Attributes:
        run: Of the ingest worker.
        seq: Number of the frame in the run.
        skipped: Frames of the run between it and the message before that have no message.
    """

    run: int
    seq: int
    skipped: int

    @property
    def key(self) -> tuple[int, int]:
        """By which it is ordered and told apart."""
        return self.run, self.seq


def parse(payload: bytes) -> Message | None:
    """The message in ``payload``; None for anything else that somebody put there."""
    try:
        document = json.loads(payload)
        if document["schema"].startswith(_DETECTIONS):
            return Message(int(document["run"]), document["seq"], document["skipped"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def complaints(stream: Sequence[Message], live: Sequence[Message]) -> Iterator[str]:
    """What the stream and the live channel of a camera break; nothing where the contract holds.

    Args:
        stream: All messages of the stream, in its order.
        live: What a subscriber of the channel got, in the order it came. It may lack messages,
            as the subscriber loses its connection when Redis goes.
    """
    yield from _order("stream", stream)
    yield from _gaps(stream)
    yield from _order("live", live)
    stored = {message.key for message in stream}
    for message in live:
        if message.key not in stored:
            yield f"live and not on the stream: {message}"


def _order(where: str, messages: Sequence[Message]) -> Iterator[str]:
    for key, times in Counter(message.key for message in messages).items():
        if times > 1:
            yield f"{where}: {key} came {times} times"
    for before, after in itertools.pairwise(messages):
        if after.key < before.key:
            yield f"{where}: {after} came after {before}"


def _gaps(stream: Sequence[Message]) -> Iterator[str]:
    previous: Message | None = None
    for message in stream:
        told = previous.seq if previous is not None and previous.run == message.run else 0
        missing = message.seq - told - 1 - message.skipped
        if missing:
            kind = "nobody tells of" if missing > 0 else "told of and not missing:"
            yield f"stream: {kind} {abs(missing)} frames before {message}, after {previous}"
        previous = message


def live_complaint(heard: Sequence[bytes], on_stream: Sequence[bytes]) -> str:
    """What is wrong with what was heard: it must be on the stream, in that order, once."""
    places: Mapping[bytes, int] = {payload: place for place, payload in enumerate(on_stream)}
    at = [places.get(payload, -1) for payload in heard]
    if strangers := at.count(-1):
        return f"{strangers} live messages are not on the stream"
    wrong = sum(before >= after for before, after in itertools.pairwise(at))
    return f"{wrong} live messages come twice or late" if wrong else ""
