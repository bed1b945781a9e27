"""Sentences about a stream of events that was made anew, whose ids their stream is ahead of."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Final


class ScriptReply(IntEnum):
    """What became of such a sentence."""

    ADDED = 1
    """On the stream under an id of Redis' own, and on the channel if it was to be."""
    SAME = 2
    """This very message was there before."""
    OTHER = 3
    """Somebody told of the same message of the event."""


LOOK_BACK: Final = 1_000
"""Sentences in which a doubled one is looked for: more than two narrators are apart."""

RETELL: Final = """
-- KEYS stream  ARGV kept publish is_live look_back mark message
-- Ids say nothing here, so what was told is known by mark, the id in its document.
-- Returns a Retold, or the text of an error.
local function error_of(reply) return type(reply) == 'table' and reply.err end
local found = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[4])
if error_of(found) then return found.err end
for _, entry in ipairs(found) do
  for i = 2, #entry[2], 2 do
    if entry[2][i] == ARGV[6] then return 2 end
    if string.find(entry[2][i], ARGV[5], 1, true) then return 3 end
  end
end
local function add() return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'message', ARGV[6]) end
local added = add()
if error_of(added) and string.find(added.err, 'OOM ', 1, true) then
  -- At the limit of memory the oldest make way, as they do for any other message.
  redis.pcall('XTRIM', KEYS[1], 'MAXLEN', '~', math.max(1, math.floor(#found * 15 / 16)))
  added = add()
end
if error_of(added) then return added.err end
if ARGV[3] == '1' then redis.pcall(ARGV[2], KEYS[1], ARGV[6]) end
return 1
"""

RETELL_SHA: Final = hashlib.sha1(RETELL.encode(), usedforsecurity=False).hexdigest()
"""What EVALSHA knows it by."""
