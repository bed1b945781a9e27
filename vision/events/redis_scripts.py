"""Which worker tracks a camera, and what it writes: names of keys, and the scripts.

``vision:events-lease:{CAMERA}``
    The worker that tracks the camera; expires soon after that worker died.
``vision:events-state:{CAMERA}``
    All that it knows, as of the last messages it wrote; for whoever goes on after it.
``vision:events-workers``
    Sorted set of the workers that live, by when they said so in Redis' own microseconds.

The first two and the stream lie in one slot of a cluster, so that one script writes messages and
state together or not at all (docs/adr/0028).

At Redis' limit of memory events go on: they are few, and their streams are bounded. A script that
has written something, if only removed nothing, may go on writing there.
"""

from __future__ import annotations

from typing import Final

WORKERS: Final = "vision:events-workers"


def lease_key(camera: str) -> str:
    """Where it stands who tracks a camera."""
    return f"vision:events-lease:{{{camera}}}"


def state_key(camera: str) -> str:
    """Where a camera's state is kept."""
    return f"vision:events-state:{{{camera}}}"


HOLD: Final = """
-- KEYS lease  ARGV worker lease_ms
-- Returns whether the camera is the worker's now.
local holder = redis.call('GET', KEYS[1])
-- What is no worker's name was put there by somebody else, and nobody would ever renew it.
local is_worker = holder and #holder == 16 and string.find(holder, '^[0-9a-f]+$')
if is_worker and holder ~= ARGV[1] then return 0 end
local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if type(set) == 'table' and set.err then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
"""

FREE: Final = """
-- KEYS lease  ARGV worker
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

LIVE: Final = """
-- KEYS workers  ARGV worker lease_ms; a lease of 0 takes the worker out
-- Returns how many workers live.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
-- Nobody says so for long ahead: the clock went back, or it is no worker.
redis.call('ZREMRANGEBYSCORE', KEYS[1], now_ms + 60000, '+inf')
if ARGV[2] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], now_ms + ARGV[2], ARGV[1])
end
return redis.call('ZCARD', KEYS[1])
"""

COMMIT: Final = """
-- KEYS lease stream state  ARGV worker lease_ms kept state state_s publish, then id, message, ...
-- Returns whether the camera was still the worker's. A second time it changes nothing.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local kept = ARGV[3]
local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if type(set) == 'table' and set.err then
  -- At the limit of memory the oldest events make way, whole nodes of the stream at a time.
  local length = redis.pcall('XLEN', KEYS[2])
  if type(length) == 'number' then
    kept = math.max(1, math.min(tonumber(kept), math.floor(length * 15 / 16)))
    redis.pcall('XTRIM', KEYS[2], 'MAXLEN', '~', kept)
  end
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
if redis.call('GET', KEYS[3]) == ARGV[4] then return 1 end
for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  local added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', kept, id, 'message', ARGV[i + 1])
  local is_new = not (type(added) == 'table' and added.err)
  if not is_new then
    if not string.find(added.err, 'equal or smaller', 1, true) then return added end
    if #redis.call('XRANGE', KEYS[2], id, id, 'COUNT', 1) == 0 then
      -- The stream is ahead of the camera's frames: only the order of events means something.
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', kept, '*', 'message', ARGV[i + 1])
      is_new = true
    end
  end
  if is_new then redis.call(ARGV[6], KEYS[2], ARGV[i + 1]) end
end
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
return 1
"""
