-- Guarantee: a message that is in flight under this receipt waits among the delayed ones for the given time, and the
--   receive does not count. `receives` itself never goes down, so no older receipt becomes valid again. A receipt that
--   is stale, or whose message is not in flight any more, changes nothing.
-- KEYS: 1 receives  2 in_flight  3 delayed  4 snoozes
-- ARGV: 1 now in ms, or ''  then three for each receipt: id, receives, delay in ms
-- Returns: for each receipt 1 if snoozed, 0 if stale.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale, so nothing is uncounted
--   twice. ZREM comes first because Redis allows it when out of memory, and then the rest.
local receives, in_flight, delayed, snoozes = unpack(KEYS)
local now, replies = tonumber(ARGV[1]), {}
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for i = 2, #ARGV, 3 do
  local id, snoozed = ARGV[i], 0
  if redis.call('HGET', receives, id) == ARGV[i + 1] and redis.call('ZREM', in_flight, id) == 1 then
    redis.call('ZADD', delayed, now + ARGV[i + 2], id)
    redis.call('HINCRBY', snoozes, id, 1)
    snoozed = 1
  end
  replies[#replies + 1] = snoozed
end
return replies
