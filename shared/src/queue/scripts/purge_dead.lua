-- Guarantee: every dead letter is gone at once.
-- KEYS: dead dead_bodies meta
-- ARGV: none
-- Returns: how many there were.
-- Crash: a script is applied whole or not at all.
local letters = redis.call('HLEN', dead_bodies)
redis.call('HDEL', meta, 'dead_bytes')
redis.call('UNLINK', dead, dead_bodies)
return letters
