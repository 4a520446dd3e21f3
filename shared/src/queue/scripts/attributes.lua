-- Guarantee: every message is counted once, as visible, in flight or delayed. The oldest age is exact and includes
--   messages that are received again and again: `aged` holds every message that was ever received, delayed or
--   redriven, and among the others the first in ready is the oldest.
-- KEYS: 1 bodies  2 ready  3 in_flight  4 delayed  5 aged  6 dlq:dead
-- ARGV: 1 now in ms, or ''
-- Returns: visible, in flight, delayed, age of the oldest in ms or -1, dead letters, ms since the first of these died
--   or -1.
-- Crash: changes nothing.
local bodies, ready, in_flight, delayed, aged, dead = unpack(KEYS)
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function since(start)
  return start and math.max(0, now - start) or -1
end

local flying = redis.call('ZCOUNT', in_flight, '(' .. now, '+inf')
local waiting = redis.call('ZCOUNT', delayed, '(' .. now, '+inf')
local oldest = tonumber(redis.call('ZRANGE', aged, 0, 0, 'WITHSCORES')[2])
for _, id in ipairs(redis.call('LRANGE', ready, 0, 999)) do
  local value = redis.call('HGET', bodies, id)
  if value then
    oldest = math.min(tonumber(string.match(value, '^%d+')), oldest or math.huge)
    break
  end
end
return {
  redis.call('HLEN', bodies) - flying - waiting, flying, waiting, since(oldest),
  redis.call('ZCARD', dead), since(redis.call('ZRANGE', dead, 0, 0, 'WITHSCORES')[2]),
}
