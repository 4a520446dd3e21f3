-- Guarantee: up to max visible messages are handed out, each hidden for the visibility timeout and counted, so that
--   no two consumers hold one message within it. A message that was handed out max receive count times already goes
--   to the dead-letter queue instead, with the last error that was reported for it.
-- KEYS: 1 ready  2 bodies  3 in_flight  4 delayed  5 receives  6 snoozes  7 errors  8 aged  9 dlq:dead  10 dlq:bodies
-- ARGV: 1 now in ms, or ''  2 visibility timeout in ms  3 max receive count  4 max (at most 500)  5 bytes of values
-- Returns: ms until the next message becomes visible (-1: none is hidden; 0: ask again at once; only meaningful if no
--   message follows), then four for each message: id, receives, receives that count, stored value.
-- Crash: a script is applied whole or not at all; if its answer is lost, the messages reappear after the timeout.
--   Every write follows one that Redis allows when out of memory (ZREMRANGEBYRANK, LTRIM), so a full queue drains.
local ready, bodies, in_flight, delayed, receives, snoozes, errors, aged, dead, dead_bodies = unpack(KEYS)
local now, limit = tonumber(ARGV[1]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for _, hidden in ipairs({ in_flight, delayed }) do
  local due = redis.call('ZRANGEBYSCORE', hidden, '-inf', now, 'LIMIT', 0, 1000)
  if #due > 0 then
    redis.call('ZREMRANGEBYRANK', hidden, 0, #due - 1)
    redis.call('RPUSH', ready, unpack(due))
  end
end

local ids = redis.call('LRANGE', ready, 0, ARGV[4] - 1)
if #ids == 0 then
  local first = math.huge
  for _, hidden in ipairs({ in_flight, delayed }) do
    first = math.min(first, tonumber(redis.call('ZRANGE', hidden, 0, 0, 'WITHSCORES')[2] or 'inf'))
  end
  return { first == math.huge and -1 or first - now }
end

-- An id may linger in ready after its message was deleted late, and the message be back under the same id since then.
local held = redis.call('ZMSCORE', in_flight, unpack(ids))
local waiting = redis.call('ZCARD', delayed) > 0 and redis.call('ZMSCORE', delayed, unpack(ids)) or {}
local found, values, taken, bytes = {}, {}, 0, 0
for i, id in ipairs(ids) do
  local value = not held[i] and not waiting[i] and not values[id] and redis.call('HGET', bodies, id)
  if value then
    if bytes > 0 and bytes + #value > limit then break end
    bytes = bytes + #value
    values[id], found[#found + 1] = value, id
  end
  taken = i
end
redis.call('LTRIM', ready, taken, -1)
if #found == 0 then return { 0 } end

local counts = redis.call('HMGET', receives, unpack(found))
local uncounted = redis.call('HLEN', snoozes) > 0 and redis.call('HMGET', snoozes, unpack(found)) or {}
-- Redis writes out every number it is given; a string is passed as it is.
local until_ms, max_receives = string.format('%.0f', now + ARGV[2]), tonumber(ARGV[3])
local reply, hide, count, first_time = { 0 }, {}, {}, {}
for i, id in ipairs(found) do
  local value, receive = values[id], tonumber(counts[i] or 0) + 1
  local counted = receive - (uncounted[i] or 0)
  if counted > max_receives then
    local err = redis.call('HGET', errors, id)
    local reason = 'max receive count exceeded' .. (err and ': ' .. err or '')
    local head = table.concat({ now, receive - 1, counted - 1, #reason }, ' ')
    for _, key in ipairs({ bodies, receives, snoozes, errors }) do redis.call('HDEL', key, id) end
    redis.call('ZREM', aged, id)
    redis.call('ZADD', dead, now, id)
    redis.call('HSET', dead_bodies, id, head .. '\n' .. reason .. value)
  else
    local n, r, f = #hide, #reply, #first_time
    hide[n + 1], hide[n + 2] = until_ms, id
    count[n + 1], count[n + 2] = id, counts[i] and receive or '1'
    if receive == 1 then first_time[f + 1], first_time[f + 2] = string.match(value, '^%d+'), id end
    reply[r + 1], reply[r + 2], reply[r + 3], reply[r + 4] = id, receive, counted, value
  end
end
if #hide > 0 then
  redis.call('ZADD', in_flight, unpack(hide))
  redis.call('HSET', receives, unpack(count))
end
if #first_time > 0 then redis.call('ZADD', aged, unpack(first_time)) end
return reply
