"""Who publishes a camera: the script that writes its state hash and keeps the list of its writers.

``vision:writers:{CAMERA}``
    Sorted set of the processes that publish the camera's states, as ``writer:run``, by when they
    said so last, in milliseconds of Redis' own clock. It expires, and is neither written to disk nor
    sent to replicas: each writer says so every other second.
"""

from __future__ import annotations

import hashlib
from typing import Final


def writers_key(camera: str) -> str:
    """Where it stands who publishes a camera."""
    return f"vision:writers:{{{camera}}}"


WRITE: Final = """
-- KEYS state writers  ARGV writer run lease_ms since_ms mode, then field, value, ...
-- mode: 'stay', 'last' for words that only hold unless a newer run has spoken, 'leave'.
-- Returns the time, whether the fields were written, and the runs of others since since_ms.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function is_newer(run)
  if not run then return false end
  return #run > #ARGV[2] or (#run == #ARGV[2] and run > ARGV[2])
end
redis.set_repl(redis.REPL_NONE)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms - ARGV[3])
if ARGV[5] == 'leave' then
  redis.call('ZREM', KEYS[2], ARGV[1] .. ':' .. ARGV[2])
else
  redis.call('ZADD', KEYS[2], now_ms, ARGV[1] .. ':' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.set_repl(redis.REPL_ALL)
local others, is_behind = {}, false
local found = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #found, 2 do
  local writer, run = string.match(found[i], '^(.*):(%d+)$')
  if writer and writer ~= ARGV[1] then
    is_behind = is_behind or is_newer(run)
    if ARGV[4] ~= '' and tonumber(found[i + 1]) > tonumber(ARGV[4]) then
      others[#others + 1] = run
    end
  end
end
if #ARGV > 5 and not is_behind and ARGV[5] == 'last' then
  is_behind = is_newer(redis.call('HGET', KEYS[1], 'run'))
end
if #ARGV > 5 and not is_behind then
  local fields = {}
  for i = 6, #ARGV do fields[#fields + 1] = ARGV[i] end
  redis.call('HSET', KEYS[1], unpack(fields))
end
return {string.format('%.0f', now_ms), is_behind and 0 or 1, others}
"""

WRITE_SHA: Final = hashlib.sha1(WRITE.encode(), usedforsecurity=False).hexdigest()
"""What EVALSHA knows it by."""
