-- Guarantee: the named messages are gone, wherever they were: visible, delayed or in flight. Receipts of them are stale.
-- KEYS: ready bodies in_flight delayed receives snoozes errors aged places grouped ring busy paused coalesce folds meta
-- ARGV: ids (at most 1,000)
-- Returns: for each id 1 if it was there, else 0.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says 0. HDEL comes first because Redis
--   allows it when out of memory, and then the rest.
-- INCLUDE: bytes
-- INCLUDE: folds
-- INCLUDE: wake
-- INCLUDE: groups
local replies = {}
for i, id in ipairs(ARGV) do
  local value = redis.call('HGET', bodies, id)
  replies[i] = value and 1 or 0
  if value then
    local place = redis.call('HGET', places, id)
    for _, key in ipairs({ bodies, receives, snoozes, errors, places }) do redis.call('HDEL', key, id) end
    local flying = redis.call('ZREM', in_flight, id)
    redis.call('ZREM', delayed, id)
    redis.call('ZREM', aged, id)
    if place then
      redis.call('ZREM', grouped, place .. id)
      if flying == 1 then unblock(place) end
    end
    unfold(id)
    weigh('bytes', -#value)
  end
end
return replies
