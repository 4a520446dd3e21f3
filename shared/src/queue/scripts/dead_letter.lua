-- Guarantee: a message goes to the dead-letter queue with the given reason if, and only if, the receipt is of its
--   latest receive. A stale receipt changes nothing.
-- KEYS: 1 receives  2 bodies  3 snoozes  4 errors  5 in_flight  6 delayed  7 aged  8 dlq:dead  9 dlq:bodies
-- ARGV: 1 now in ms, or ''  then three for each receipt: id, receives, reason
-- Returns: for each receipt 1 if moved, 0 if stale.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale. HDEL comes first because
--   Redis allows it when out of memory, and then the rest.
local receives, bodies, snoozes = KEYS[1], KEYS[2], KEYS[3]
local now, replies = tonumber(ARGV[1]), {}
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for i = 2, #ARGV, 3 do
  local id, count, reason = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local moved = 0
  if redis.call('HGET', receives, id) == count then
    local value = redis.call('HGET', bodies, id)
    local counted = count - (redis.call('HGET', snoozes, id) or 0)
    for k = 1, 4 do redis.call('HDEL', KEYS[k], id) end
    for k = 5, 7 do redis.call('ZREM', KEYS[k], id) end
    redis.call('ZADD', KEYS[8], now, id)
    redis.call('HSET', KEYS[9], id, now .. ' ' .. count .. ' ' .. counted .. ' ' .. #reason .. '\n' .. reason .. value)
    moved = 1
  end
  replies[#replies + 1] = moved
end
return replies
