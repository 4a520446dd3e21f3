-- Guarantee: every message is gone at once. Deduplication ids stay, as in SQS.
-- KEYS: 1 the hash of bodies  2… every other key that holds messages
-- ARGV: none
-- Returns: how many messages there were.
-- Crash: a script is applied whole or not at all. UNLINK costs a step for each key, whatever its size; Redis frees the
--   memory in the background.
local messages = redis.call('HLEN', KEYS[1])
redis.call('UNLINK', unpack(KEYS))
return messages
