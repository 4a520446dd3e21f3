-- Guarantee: up to max dead letters, the longest dead first, are visible in their source queue again: same id, time of
--   sending, attributes and body, and the receive count starts again. `receives` goes on from where it was, with as
--   many snoozes, so that no receipt of the former life is valid.
-- KEYS: 1 dlq:dead  2 dlq:bodies  3 ready  4 bodies  5 receives  6 snoozes  7 aged
-- ARGV: 1 max (at most 500)  2 bytes of values
-- Returns: how many were moved.
-- Crash: a script is applied whole or not at all. A letter is moved, never copied, so repeating moves the next ones.
--   HDEL comes first because Redis allows it when out of memory, and then the rest.
local dead, dead_bodies, ready, bodies, receives, snoozes, aged = unpack(KEYS)
local room, moved = tonumber(ARGV[2]), 0
for _, id in ipairs(redis.call('ZRANGE', dead, 0, ARGV[1] - 1)) do
  local letter = redis.call('HGET', dead_bodies, id)
  if moved > 0 and #letter > room then break end
  local count, size, start = string.match(letter, '^%d+ (%d+) %d+ (%d+)\n()')
  local value = string.sub(letter, start + size)
  redis.call('HDEL', dead_bodies, id)
  redis.call('ZREM', dead, id)
  redis.call('HSET', bodies, id, value)
  redis.call('HSET', receives, id, count)
  redis.call('HSET', snoozes, id, count)
  redis.call('ZADD', aged, string.match(value, '^%d+'), id)
  redis.call('RPUSH', ready, id)
  room, moved = room - #letter, moved + 1
end
return moved
