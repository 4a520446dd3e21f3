-- Guarantee: every message is counted once, as visible, in flight or delayed. The oldest age includes messages that are
--   received again and again: `aged` holds every message that was delayed, redriven, handed back or timed out. Of
--   the others the first in ready is the oldest, and of a group one of its first hundred; of those that are in flight
--   for the first time the sixteen that have been for longest are asked. At most a thousand groups are looked at.
-- KEYS: bodies ready in_flight delayed aged dead grouped ring paused meta
-- ARGV: 1 now in ms, or ''
-- Returns: visible, in flight, delayed, age of the oldest in ms or -1, dead letters, ms since the first of these died
--   or -1, bytes of messages, bytes of dead letters, groups that wait, 1 if the queue is paused, paused groups.
-- Crash: changes nothing, but that an empty queue weighs nothing, whatever was counted twice.
-- INCLUDE: clock
local function since(start)
  return start and math.max(0, now - start) or -1
end
local oldest = tonumber(redis.call('ZRANGE', aged, 0, 0, 'WITHSCORES')[2])
local room = 1048576
local function look_at(id)
  local value = room > 0 and redis.call('HGET', bodies, id)
  if not value then return end
  room = room - #value
  local sent = tonumber(string.match(value, '^%d+'))
  oldest = math.min(sent, oldest or math.huge)
  return sent
end

for _, id in ipairs(redis.call('LRANGE', ready, 0, 999)) do
  if look_at(id) then break end
end
for _, id in ipairs(redis.call('ZRANGE', in_flight, 0, 15)) do look_at(id) end
local groups = redis.call('ZRANGE', ring, 0, 999)
for _, group in ipairs(redis.call('SMEMBERS', paused)) do groups[#groups + 1] = group end
for i = 1, math.min(#groups, 1000) do
  local group = groups[i]
  for _, member in ipairs(redis.call('ZRANGEBYLEX', grouped, '[' .. group .. '\0', '(' .. group .. '\1', 'LIMIT', 0, 100)) do
    -- Only a head start makes a message come before an older one. The order of a FIFO message is no time.
    local sent, order = look_at(string.sub(member, -32)), tonumber(string.sub(member, -46, -33))
    if not sent or order < 1000000000000 or order >= sent then break end
  end
end

local count = redis.call('HLEN', bodies)
if count == 0 then redis.call('HDEL', meta, 'bytes') end
local flying = redis.call('ZCOUNT', in_flight, '(' .. now, '+inf')
local waiting = redis.call('ZCOUNT', delayed, '(' .. now, '+inf')
local all_paused = redis.call('SISMEMBER', paused, '')
return {
  count - flying - waiting, flying, waiting, since(oldest),
  redis.call('ZCARD', dead), since(redis.call('ZRANGE', dead, 0, 0, 'WITHSCORES')[2]),
  tonumber(redis.call('HGET', meta, 'bytes') or 0), tonumber(redis.call('HGET', meta, 'dead_bytes') or 0),
  redis.call('ZCARD', ring), all_paused, redis.call('SCARD', paused) - all_paused,
}
