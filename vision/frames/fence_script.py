"""The fence: a message of a frame that another reader has accounted for is not published.

A reader whose lease ran out (its process was stopped, or cut off from Redis) may still finish its
message. Whoever took the camera's next frame meanwhile counts that frame in ``skipped``, so the
late message must not reach the stream. The script that publishes asks :data:`FENCE` first, and so
decides in the same step; the account is in the camera's hash (:mod:`vision.frames.redis_scripts`).
"""

from __future__ import annotations

from typing import Final

from vision.frames.redis_scripts import NUMBER

FENCE: Final = (
    NUMBER
    + """
-- Whether a message about the frame 'run-seq' may be told, and what telling it changes in the hash:
-- 'claimed': another message counts it as skipped, or will.
-- 'close': it is the frame taken last. 'record': the hash is behind it. 'none': nothing.
-- 'passed': nothing, and if the stream is ahead, then since another reader went on from here.
-- What cannot be read claims nothing.
local function fence(key, id)
  local run, seq = string.match(id, '^(%d+)%-(%d+)$')
  local found = redis.pcall('HMGET', key, 'run', 'seq', 'taken', 'prev_run', 'prev_seq', 'put_run')
  if found.err or not run then return 'none' end
  if not (number(found[1]) and number(found[2])) then
    -- A hash that knows no frame at all is that of a Redis without its data.
    return number(found[6]) and 'record' or 'none'
  end
  run, seq = tonumber(run), tonumber(seq)
  local last_run, last_seq = tonumber(found[1]), tonumber(found[2])
  if last_run == run and last_seq == seq then return 'close' end
  if last_run < run or (last_run == run and last_seq < seq) then return 'record' end
  -- Frames are counted per run. A reader of another version says nothing of what it counts.
  if last_run > run or found[3] ~= found[1] .. '-' .. found[2] then return 'none' end
  local prev_run, prev_seq = number(found[4]), number(found[5])
  if not (prev_run and prev_seq) or tonumber(prev_run) < run then return 'claimed' end
  prev_seq = tonumber(prev_seq)
  return prev_seq < seq and 'claimed' or prev_seq > seq and 'passed' or 'none'
end
local function told(key, id, change)
  if change == 'record' then
    local run, seq = string.match(id, '^(%d+)%-(%d+)$')
    redis.pcall('HSET', key, 'run', run, 'seq', seq, 'empty', '0')
  end
  if change == 'record' or change == 'close' then redis.pcall('HDEL', key, 'open') end
end
"""
)
"""Two functions in Lua, to stand before a script that publishes."""
