-- Guarantee: a message is deleted if, and only if, the receipt is of its latest receive, even if its visibility
--   timeout has passed. A stale receipt changes nothing.
-- KEYS: 1 receives  2 bodies  3 snoozes  4 errors  5 in_flight  6 delayed  7 aged
-- ARGV: two for each receipt: id, receives (at most 1,000 receipts)
-- Returns: for each receipt 1 if the message was deleted, 0 if the receipt is stale.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says stale. An id that was visible
--   again stays in ready without its body, and receive skips it. Nothing here needs memory.
local ids, current, replies = {}, {}, {}
for i = 1, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local counts = redis.call('HMGET', KEYS[1], unpack(ids))
for i, id in ipairs(ids) do
  local latest = counts[i] == ARGV[2 * i]
  replies[i] = latest and 1 or 0
  if latest then current[#current + 1] = id end
end
if #current > 0 then
  -- Most messages have no snoozes, errors or delay: asking whether any has is cheaper than naming them all.
  for i = 1, 4 do
    if redis.call('HLEN', KEYS[i]) > 0 then redis.call('HDEL', KEYS[i], unpack(current)) end
  end
  for i = 5, 7 do
    if redis.call('ZCARD', KEYS[i]) > 0 then redis.call('ZREM', KEYS[i], unpack(current)) end
  end
end
return replies
