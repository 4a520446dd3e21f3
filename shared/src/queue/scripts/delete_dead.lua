-- Guarantee: the named dead letters are gone.
-- KEYS: dead dead_bodies meta
-- ARGV: ids (at most 1,000)
-- Returns: for each id 1 if it was there, else 0.
-- Crash: a script is applied whole or not at all; repeated after a lost answer it says 0. Nothing here needs memory but
--   a count of known size.
-- INCLUDE: bytes
local replies, bytes = {}, 0
for i, id in ipairs(ARGV) do
  bytes = bytes + redis.call('HSTRLEN', dead_bodies, id)
  replies[i] = redis.call('HDEL', dead_bodies, id)
  redis.call('ZREM', dead, id)
end
if bytes > 0 then weigh('dead_bytes', -bytes) end
return replies
