-- Guarantee: a message that is in flight under this receipt becomes visible the given time from now (0: at the next
--   receive), and keeps the error text, if one is given, for the day it becomes a dead letter. A receipt that is stale,
--   or whose message is visible again already, changes nothing.
-- KEYS: 1 receives  2 in_flight  3 errors
-- ARGV: 1 now in ms, or ''  then four for each receipt: id, receives, timeout in ms, error text or ''
-- Returns: for each receipt 1 if changed, 0 if stale.
-- Crash: a script is applied whole or not at all, and repeating it is harmless. ZREM comes first because Redis allows
--   it when out of memory, and then the rest: a full queue can still back off.
local receives, in_flight, errors = unpack(KEYS)
local now, replies = tonumber(ARGV[1]), {}
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for i = 2, #ARGV, 4 do
  local id, changed = ARGV[i], 0
  if redis.call('HGET', receives, id) == ARGV[i + 1] and redis.call('ZREM', in_flight, id) == 1 then
    redis.call('ZADD', in_flight, now + ARGV[i + 2], id)
    if ARGV[i + 3] ~= '' then redis.call('HSET', errors, id, ARGV[i + 3]) end
    changed = 1
  end
  replies[#replies + 1] = changed
end
return replies
