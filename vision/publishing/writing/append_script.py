"""One step in Redis: what a stream takes is published, and nothing else (docs/adr/0005).

An entry of the stream and its message on the live channel are made by one script, so that a
subscriber hears in order, once, and nothing that the stream refused. A call has the messages of
one stream in their order and stops at the first that is refused for a condition that can pass: no
later message gets in before an earlier one. Where several inference workers share a camera, a
message whose frame another one accounts for is left out (:mod:`vision.frames.fence_script`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias, cast

import redis

from vision.frames.fence_script import FENCE

StreamId: TypeAlias = tuple[int, int]
"""Milliseconds and number of an entry, to be compared."""


class BehindPolicy(StrEnum):
    """What becomes of a message whose id the stream has passed without having it."""

    STOP = "stop"
    """Nothing yet, nor of those after it: they may go by greater ids."""
    PASS = "pass"  # noqa: S105  no password
    """It is refused; those after it are tried."""
    APPEND = "append"
    """It is added under an id of Redis' own: only the order of such messages means something."""


class AppendCode(IntEnum):
    """What became of a message."""

    ADDED = 1
    """On the stream, and on the channel if it was to be."""
    SAME = 2
    """It was there before."""
    OTHER = 3
    """Another message was there before under its id."""
    CLAIMED = 4
    """It was left out: another worker took the camera, and its message counts this frame."""


APPEND: Final = (
    FENCE
    + """
-- KEYS stream  ARGV kept publish behind state, then id, is_live, message, ...
-- state is the hash of the camera whose frames the messages tell of, '' where nobody else takes
-- them. It is no key of the call: a user would need a further right to EVALSHA with both, and it
-- lies in the slot of the stream. Who may not read it is not kept from publishing.
-- Returns a table of what became of each, how many old entries made way for memory, and the error
-- of the channel. Of each: a Code; '+id' of an appended one; '<id' of the newest entry where the
-- stream is ahead, or '!id' where a stranger's entry has the id; an error. Those after the end of
-- the table were not tried.
local results, trimmed, unheard, kept = {}, 0, '', ARGV[1]
local function error_of(reply) return type(reply) == 'table' and reply.err end
local function add(id, message)
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', kept, id, 'message', message)
  local err = error_of(added)
  if not (err and string.find(err, 'OOM ', 1, true)) then return added, err end
  -- At the limit of memory the oldest make way, whole nodes at a time. A script that has written
  -- may go on writing: from here on the stream grows by a node or two at most.
  local length = redis.pcall('XLEN', KEYS[1])
  if error_of(length) then return added, err end
  local least = math.max(1, math.min(tonumber(kept), math.floor(length * 15 / 16)))
  local cut = redis.pcall('XTRIM', KEYS[1], 'MAXLEN', '~', least)
  if error_of(cut) then return added, err end
  kept, trimmed = least, trimmed + cut
  added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', kept, id, 'message', message)
  return added, error_of(added)
end
local function newest()
  local reply = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if error_of(reply) then return '' end
  for i = 1, #reply, 2 do
    if reply[i] == 'last-generated-id' then return reply[i + 1] end
  end
  return ''
end
-- What has the id: false for nothing, '?' where nobody may look, else a Code, and whether it is a
-- stranger's, whose own ids Redis counts on from ours. A message that is sent again may account for
-- more frames: its head names it.
local function at(id, message)
  local found = redis.pcall('XRANGE', KEYS[1], id, id, 'COUNT', 1)
  if error_of(found) then return '?', false end
  if not found[1] then return false, false end
  local there = found[1][2][2]
  local head = string.find(message, '"time":', 1, true)
  local is_strange = head and string.sub(there, 1, head) ~= string.sub(message, 1, head)
  return there == message and 2 or 3, is_strange
end
local i, is_stopped = 5, false
while i < #ARGV and not is_stopped do
  local id, message = ARGV[i], ARGV[i + 2]
  local change = ARGV[4] == '' and 'none' or fence(ARGV[4], id)
  local added, err
  if change ~= 'claimed' then added, err = add(id, message) end
  local result = 1
  if change == 'claimed' then
    -- One that is sent again may be there since before.
    result = at(id, message) or 4
  elseif err and string.find(err, 'equal or smaller', 1, true) then
    added = nil
    local there, is_strange = at(id, message)
    if is_strange and ARGV[3] == 'stop' then
      result, is_stopped = '!' .. newest(), true
    elseif there then
      result = there
    elseif ARGV[3] == 'append' then
      added, err = add('*', message)
      result = err or ('+' .. added)
    elseif change == 'passed' then
      result = 4
    else
      result = '<' .. newest()
      is_stopped = ARGV[3] == 'stop'
    end
  elseif err then
    result = err
  end
  if err and added then
    added = nil
    -- Whatever is not about this one message would let a later one in before it.
    is_stopped = not string.find(err, '^ERR The ID') and not string.find(err, '^ERR Invalid stream')
  end
  if added and ARGV[i + 1] == '1' then
    local told = redis.pcall(ARGV[2], KEYS[1], message)
    unheard = error_of(told) or unheard
  end
  if (result == 1 or result == 2) and change ~= 'claimed' then told(ARGV[4], id, change) end
  results[#results + 1] = result
  i = i + 3
end
return {results, trimmed, unheard}
"""
)

APPEND_SHA: Final = hashlib.sha1(APPEND.encode(), usedforsecurity=False).hexdigest()
"""What EVALSHA knows it by."""

# Redis 6.2 says where in the script an error arose, and some of its errors have no code there.
_PLACE = re.compile(r"^@user_script: ?\d+: -?")
_NO_RIGHT = "The user executing the script"


@dataclass(frozen=True, slots=True)
class StreamAhead:
    """The stream's newest id is not older than the message's; None where nobody may see it.

    ``is_taken`` says that a stranger's entry has the very id.
    """

    newest: StreamId | None
    is_taken: bool = False


class UnverifiedRefusal:
    """Refused by its id, and nobody may see whether it is there."""


Result: TypeAlias = AppendCode | StreamId | StreamAhead | UnverifiedRefusal | redis.ResponseError
"""What became of a message; an id is that of an appended one."""


@dataclass(frozen=True, slots=True)
class AppendReply:
    """The answer to one call.

    Attributes:
        results: Of the messages, in order; those missing at the end were not tried.
        trimmed: Old entries that made way because Redis is at its limit of memory.
        unheard: Why the channel was refused, None if it was not.
    """

    results: Sequence[Result]
    trimmed: int
    unheard: redis.ResponseError | None


def read_reply(reply: object) -> AppendReply:
    """The answer in Redis' reply to the script."""
    results, trimmed, unheard = cast("tuple[list[int | bytes], int, bytes]", reply)
    return AppendReply(
        [_CODES.get(item) or _result(item) for item in results],  # type: ignore[arg-type]
        trimmed,
        as_error(unheard, "publish") if unheard else None,
    )


def parse_id(text: bytes | str) -> StreamId:
    """An entry's id as numbers."""
    words = text.decode() if isinstance(text, bytes) else text
    milliseconds, _, number = words.partition("-")
    return int(milliseconds), int(number)


def as_error(text: bytes, command: str = "xadd") -> redis.ResponseError:
    """An error that ``command`` met inside the script, as if it had been sent by itself."""
    words = _PLACE.sub("", text.decode(errors="replace")).strip()
    if _NO_RIGHT in words:
        words = f"NOPERM this user has no permissions to run the '{command}' command"
    kind = redis.ReadOnlyError if words.startswith("READONLY") else redis.ResponseError
    return kind(words)


_CODES: Final = {code.value: code for code in AppendCode}


def _result(item: int | bytes) -> Result:
    if isinstance(item, int):
        return AppendCode(item)
    mark, rest = item[:1], item[1:]
    if mark == b"+":
        return parse_id(rest)
    if mark in (b"<", b"!"):
        return StreamAhead(parse_id(rest) if rest else None, is_taken=mark == b"!")
    return UnverifiedRefusal() if mark == b"?" else as_error(item)
