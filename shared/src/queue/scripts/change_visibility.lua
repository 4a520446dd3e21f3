-- Guarantee: a message that is in flight under this receipt becomes visible the given time from now (0: at the next
--   receive), and keeps the error text, if one is given, for the day it becomes a dead letter. A receipt that is stale,
--   or whose message is visible again already, changes nothing; neither does one that would hide its message for more
--   than twelve hours after it was received.
-- KEYS: receives in_flight errors aged
-- ARGV: 1 now in ms, or ''  then six for each receipt: id, receives, when it was received and when the message was sent
--   in ms, timeout in ms, error text or ''
-- Returns: for each receipt 1 if changed, 0 if stale, 3 if too long.
-- Crash: a script is applied whole or not at all, and repeating it is harmless. ZREM comes first because Redis allows
--   it when out of memory, and then the rest: a full queue can still back off.
-- INCLUDE: clock
local replies = {}
for i = 2, #ARGV, 6 do
  local id, changed, until_ms = ARGV[i], 0, now + ARGV[i + 4]
  if redis.call('HGET', receives, id) == ARGV[i + 1] then
    if until_ms > ARGV[i + 2] + 43200000 then
      changed = redis.call('ZSCORE', in_flight, id) and 3 or 0
    elseif redis.call('ZREM', in_flight, id) == 1 then
      redis.call('ZADD', in_flight, until_ms, id)
      redis.call('ZADD', aged, ARGV[i + 3], id)
      if ARGV[i + 5] ~= '' then redis.call('HSET', errors, id, ARGV[i + 5]) end
      changed = 1
    end
  end
  replies[#replies + 1] = changed
end
return replies
