"""The newest-frame slot on Redis: names of keys, and the scripts that change them.

Each script touches the keys of one camera only, which lie in one slot of a cluster:

``vision:frame:{CAMERA}``
    The newest frame (:mod:`vision.frames.wire`); expires when it would be too old.
``vision:frame-lease:{CAMERA}``
    ``run-seq`` of the frame that is under way; expires when its holder died.
``vision:frame-state:{CAMERA}``
    Hash: the frame put last (``put_run``, ``put_seq``, ``put_us``), the frame that messages
    account for (``run``, ``seq``, ``empty``) and when the camera was served (``served_us``).
    While ``taken`` names that frame as ``run-seq``, it was put there when it was taken:
    ``prev_run``, ``prev_seq`` and ``prev_empty`` are the account before, and ``open`` is 1 until
    its message is on the stream or its reader says what came of it.
``vision:frame-held:{CAMERA}:{reader}``
    A frame between being taken and being read, by one reader.

Times are those of Redis' own clock in microseconds. The ready set is a hint and no more: an
entry that is lost comes back with the camera's next frame, one too many takes nothing.

Pixels are kept out of the append-only file and away from replicas (``redis.set_repl``): they
would write megabytes a second to disk for frames that live a second at most.

At Redis' limit of memory frames go on: without them there are no messages, and it is those that
let old ones make way. A script that has written something, if only removed nothing, may go on
writing there; what a frame takes above the limit is what it would have taken below.
"""

from __future__ import annotations

from typing import Final

READY: Final = "vision:frames:ready"
"""Sorted set of cameras with a frame to take; the score is when they were last served."""


def frame_key(camera: str) -> str:
    """Where a camera's newest frame is."""
    return f"vision:frame:{{{camera}}}"


def lease_key(camera: str) -> str:
    """Where it stands which frame of the camera is under way."""
    return f"vision:frame-lease:{{{camera}}}"


def state_key(camera: str) -> str:
    """The camera's hash."""
    return f"vision:frame-state:{{{camera}}}"


def detections_key(camera: str) -> str:
    """The stream of the camera's messages; its ids begin with a run, as frames do."""
    return f"vision:detections:{{{camera}}}"


def held_key(camera: str, reader: str) -> str:
    """Where a frame lies while ``reader`` reads it."""
    return f"vision:frame-held:{{{camera}}}:{reader}"


# What a hash says may be anybody's: a number of ours has digits and nothing else.
NUMBER: Final = """
local function number(text)
  return text and #text < 20 and string.find(text, '^%d+$') and text or false
end
"""

_NOW_US = """
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
"""

# A frame that is under way for longer is its reader's still, or the key is no lease at all: a
# reader that is told of the camera sees which.
_LONG_UNDER_WAY_US = 5_000_000

PUT: Final = (
    NUMBER
    + _NOW_US
    + """
-- KEYS frame lease state  ARGV run seq ttl_ms payload last
-- last is the frame of the run that the writer put before, 0 without one. Where Redis knows neither
-- of it nor that messages account for it, it has other data than then.
-- Returns: accepted (0: a newer frame is known, 2: other data), overtook, score for the ready set or
-- '' while a frame is under way.
local known = redis.call('HMGET', KEYS[3], 'put_run', 'put_seq', 'run', 'seq', 'served_us')
local run, seq = tonumber(ARGV[1]), tonumber(ARGV[2])
local function is_newer(known_run, known_seq)
  if not (number(known_run) and number(known_seq)) then return true end
  known_run, known_seq = tonumber(known_run), tonumber(known_seq)
  return run > known_run or (run == known_run and seq > known_seq)
end
if not (is_newer(known[1], known[2]) and is_newer(known[3], known[4])) then return {0, 0, ''} end
local last = tonumber(ARGV[5])
local function has_last(known_run, known_seq)
  return number(known_run) and number(known_seq) and tonumber(known_run) == run
    and tonumber(known_seq) >= last
end
if last > 0 and not (has_last(known[1], known[2]) or has_last(known[3], known[4])) then
  return {2, 0, ''}
end
redis.set_repl(redis.REPL_NONE)
local overtook = redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
redis.call('HSET', KEYS[3], 'put_run', ARGV[1], 'put_seq', ARGV[2],
  'put_us', string.format('%.0f', now_us))
redis.set_repl(redis.REPL_ALL)
local served_us = number(known[5]) or '0'
if redis.call('EXISTS', KEYS[2]) == 1 and now_us - served_us < LONG_US then
  return {1, overtook, ''}
end
return {1, overtook, served_us}
""".replace("LONG_US", str(_LONG_UNDER_WAY_US))
)

TAKE: Final = (
    NUMBER
    + _NOW_US
    + """
-- KEYS frame lease state held  ARGV lease_ms
-- Returns nothing, or: run, seq, microseconds in the slot, and run, seq, empty before.
-- A frame whose reader lost its lease before it told of it is not told of any more (FENCE): the
-- account is that before it, so that the next message counts it.
local holder = redis.call('GET', KEYS[2])
-- What names no frame was put there by somebody else, and nobody would ever renew it.
if holder and string.find(holder, '^%d+%-%d+$') then return false end
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local state = redis.call('HMGET', KEYS[3], 'put_run', 'put_seq', 'put_us', 'run', 'seq', 'empty',
  'taken', 'open', 'prev_run', 'prev_seq', 'prev_empty')
redis.set_repl(redis.REPL_NONE)
if not (number(state[1]) and number(state[2]) and number(state[3])) then
  redis.call('DEL', KEYS[1])
  return false
end
redis.call('RENAME', KEYS[1], KEYS[4])
redis.set_repl(redis.REPL_ALL)
local run, seq, empty = state[4], state[5], state[6]
if run and seq and state[7] == run .. '-' .. seq and state[8] == '1' then
  run, seq, empty = state[9], state[10], state[11]
end
if not (number(run) and number(seq)) then run, seq, empty = '', '', '' end
local taken = state[1] .. '-' .. state[2]
redis.call('SET', KEYS[2], taken, 'PX', ARGV[1])
redis.call('HSET', KEYS[3], 'run', state[1], 'seq', state[2], 'empty', '0',
  'served_us', string.format('%.0f', now_us), 'taken', taken, 'open', '1',
  'prev_run', run, 'prev_seq', seq, 'prev_empty', empty or '')
return {state[1], state[2], string.format('%.0f', now_us - state[3]), run, seq, empty or ''}
"""
)

RENEW: Final = """
-- KEYS lease state  ARGV lease run seq lease_ms
-- Returns whether the frame is still the camera's newest under way.
local holder = redis.call('GET', KEYS[1])
if not holder then
  local state = redis.call('HMGET', KEYS[2], 'run', 'seq')
  if state[1] ~= ARGV[2] or state[2] ~= ARGV[3] then return 0 end
elseif holder ~= ARGV[1] then
  return 0
end
local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
if type(set) == 'table' and set.err then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
end
return 1
"""

FREE: Final = (
    NUMBER
    + """
-- KEYS frame lease state  ARGV lease run seq outcome, and run, seq, empty before
-- Returns the score for the ready set when a newer frame waits.
local state = redis.call('HMGET', KEYS[3], 'run', 'seq', 'served_us')
local holder = redis.call('GET', KEYS[2])
local is_ours = holder == ARGV[1]
if is_ours then redis.call('DEL', KEYS[2]) end
local is_last = state[1] == ARGV[2] and state[2] == ARGV[3]
if is_last then redis.call('HDEL', KEYS[3], 'open') end
if is_last and ARGV[4] ~= 'delivered' then
  redis.call('HDEL', KEYS[3], 'empty')
  if ARGV[4] == 'skipped' then
    if ARGV[5] == '' then
      redis.call('HDEL', KEYS[3], 'run', 'seq')
    else
      redis.call('HSET', KEYS[3], 'run', ARGV[5], 'seq', ARGV[6], 'empty', ARGV[7])
    end
  else
    redis.call('HSET', KEYS[3], 'empty', '1')
  end
end
if holder and not is_ours then return false end
if redis.call('EXISTS', KEYS[1]) == 1 then return number(state[3]) or '0' end
return false
"""
)

ANNOUNCE: Final = """
-- KEYS ready  ARGV score camera ...
-- As ZADD NX; also at Redis' limit of memory.
redis.call('ZREM', KEYS[1], '')
for i = 1, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', ARGV[i], ARGV[i + 1]) end
return 1
"""
