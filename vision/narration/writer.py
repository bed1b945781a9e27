"""Sentences to Redis: each once on its stream, whatever breaks in between.

An entry has the id of the event's entry that it tells of. So a second telling, after a crash or by
a second narrator, is refused by Redis instead of doubled. Where a stream of events was made anew its
ids may be smaller than those of the sentences: then it shows in the sentences what was told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import orjson
import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.domain.narration import NarrationMessage
from vision.domain.trouble import Trouble
from vision.narration.script import LOOK_BACK, RETELL, RETELL_SHA, ScriptReply
from vision.publishing.encoding import encode
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.append_script import (
    APPEND,
    APPEND_SHA,
    AppendCode,
    BehindPolicy,
    StreamAhead,
    StreamId,
    as_error,
    parse_id,
    read_reply,
)
from vision.redis.client import address_of
from vision.redis.connector import RedisConnector, reconnect_backoff
from vision.redis.errors import (
    explain,
    is_elsewhere,
    is_lasting,
    is_of_another_type,
)
from vision.redis.link import RedisLink
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.troubles import LOOK_BACK_S, Troubles

_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0


class WriteOutcome(Enum):
    """What became of a sentence."""

    TOLD = auto()
    KNOWN = auto()
    """It was told before, or by somebody else."""
    LOST = auto()
    """Redis will not take it, or there was no time left."""


class NarrationWriter:
    """Waits for Redis as long as it takes; used by one thread."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        kept_messages: int,
        troubles: Troubles,
    ) -> None:
        """Keep about ``kept_messages`` on each camera's stream; ``troubles`` hears of refusals.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._connector = RedisConnector(settings, password)
        self._address = address_of(settings)
        self._kept_messages = kept_messages
        self._troubles = troubles
        self._link: RedisLink | None = None
        self._backoff = reconnect_backoff(settings)
        self._damper = LogThrottle(_LOG_PERIOD_S)

    def narrate(
        self, message: NarrationMessage, stream_id: str, stop: threading.Event, *, live: bool
    ) -> WriteOutcome:
        """Put a sentence on its stream, and if ``live`` on the channel.

        Tried until Redis takes it, or ``stop`` is set.
        """
        sentence = _Sentence(message, stream_id, self._kept_messages, live=live)
        told = self._persist(message.camera, sentence.write, stop)
        if told is not WriteOutcome.LOST:
            self._troubles.end(Trouble.HELD, message.camera)
            self._troubles.end(Trouble.DROPPED, message.camera, least_s=LOOK_BACK_S)
        return told

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _persist(
        self, camera: str, write: Callable[[RedisLink], WriteOutcome], stop: threading.Event
    ) -> WriteOutcome:
        while True:
            try:
                if self._link is None:
                    self._link = self._connector.open()
                told = write(self._link)
            except redis.ResponseError as error:
                # A name that somebody took is one camera's trouble: the others go on.
                if is_lasting(error) or is_of_another_type(error):
                    said = f"sentences about {camera} are lost: {explain(error)}"
                    self._troubles.begin(Trouble.DROPPED, camera, said)
                    if self._damper.admit("lost"):
                        _log.error("narrate.lost reason=%s", explain(error))
                    return WriteOutcome.LOST
                self._fail(camera, error, lose_link=is_elsewhere(error))
            except (redis.RedisError, ConfigError) as error:
                self._fail(camera, error, lose_link=True)
            else:
                self._backoff.reset()
                return told
            if stop.wait(self._backoff.next_s()):
                return WriteOutcome.LOST

    def _fail(self, camera: str, error: Exception, *, lose_link: bool) -> None:
        if lose_link:
            self.close()
        reason = explain(error)
        said = f"sentences about {camera} wait for Redis: {reason}"
        self._troubles.begin(Trouble.HELD, camera, said)
        if self._damper.admit(reason):
            _log.warning("narrate.redis_away address=%s reason=%s", self._address, reason)


class _Sentence:
    """A message on its way: stream and channel get it in one step, as detections are written."""

    def __init__(self, message: NarrationMessage, stream_id: str, kept: int, *, live: bool) -> None:
        self._stream = str(StreamKey(Kind.NARRATION, message.camera))
        self._events = str(StreamKey(Kind.EVENTS, message.camera))
        self._stream_id = stream_id
        self._mark = b'"id":' + orjson.dumps(message.id)
        self._payload = encode(message)
        self._live = int(live)
        self._kept = kept
        self._was_sent = False

    def write(self, link: RedisLink) -> WriteOutcome:
        """Send it, also after a lost connection.

        Raises:
            redis.RedisError: No answer, or it is refused.
        """
        was_sent, self._was_sent = self._was_sent, True
        publish = "SPUBLISH" if link.is_cluster else "PUBLISH"
        message = (self._stream_id, self._live, self._payload)
        reply = self._call(
            *(link, APPEND, APPEND_SHA, self._kept, publish, BehindPolicy.PASS.value, ""), *message
        )
        (result,) = read_reply(reply).results
        if isinstance(result, redis.ResponseError):
            raise result
        if isinstance(result, StreamAhead) and self._is_made_anew(link, result.newest):
            again = self._call(
                *(link, RETELL, RETELL_SHA, self._kept, publish, self._live),
                *(LOOK_BACK, self._mark, self._payload),
            )
            if isinstance(again, bytes):
                raise as_error(again)
            is_added, is_there = again == ScriptReply.ADDED, again == ScriptReply.SAME
        else:
            is_added, is_there = result is AppendCode.ADDED, result is AppendCode.SAME
        # Ours, if the answer to it was lost; else somebody told before us.
        return WriteOutcome.TOLD if is_added or (is_there and was_sent) else WriteOutcome.KNOWN

    def _is_made_anew(self, link: RedisLink, told: StreamId | None) -> bool:
        """Whether the stream of events is another one than that of which was told.

        Its newest id only grows, and is looked at after that of the sentences.
        """
        if told is None:
            return False
        about: Any = link.node_of(self._events).xinfo_stream(self._events)
        return parse_id(about["last-generated-id"]) < told

    def _call(
        self, link: RedisLink, script: str, sha: str, *arguments: str | bytes | int
    ) -> object:
        node = link.node_of(self._stream)
        try:
            return node.evalsha(sha, 1, self._stream, *arguments)
        except redis.exceptions.NoScriptError:
            node.script_load(script)
            return node.evalsha(sha, 1, self._stream, *arguments)
