-- Guarantee: the named dead letters are gone.
-- KEYS: 1 dlq:bodies  2 dlq:dead
-- ARGV: ids (at most 1,000)
-- Returns: for each id 1 if it was there, else 0.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says 0. Nothing here needs memory.
local replies = {}
for i, id in ipairs(ARGV) do
  replies[i] = redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return replies
