-- Guarantee: every message is gone at once. Deduplication ids and pauses stay.
-- KEYS: bodies ready in_flight delayed receives snoozes errors aged places grouped ring busy coalesce folds meta
-- ARGV: none
-- Returns: how many messages there were.
-- Crash: a script is applied whole or not at all. UNLINK costs a step for each key, whatever its size; Redis frees the
--   memory in the background.
local messages = redis.call('HLEN', bodies)
redis.call('HDEL', meta, 'bytes')
redis.call('UNLINK', unpack(KEYS, 1, #KEYS - 1))
return messages
