-- Guarantee: shows messages without receiving them: first the visible ones in their order, then those in flight, then
--   the delayed ones, by the time they become visible. While others receive, a page may miss a message or repeat one.
-- KEYS: 1 ready  2 in_flight  3 delayed  4 bodies  5 receives  6 snoozes  7 errors
-- ARGV: 1 now in ms, or ''  2 offset  3 limit  4 bytes of values
-- Returns: offset of the next page or -1, then six for each message: id, 0 visible / 1 in flight / 2 delayed, ms
--   until visible, receives that count, last error or '', stored value.
-- Crash: changes nothing.
local now, offset, limit, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local sizes = { redis.call('LLEN', KEYS[1]), redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]) }
local at, reply = offset, { -1 }
for place = 1, 3 do
  local skip = math.min(offset, sizes[place])
  local last, step, entries = skip + limit - 1, 1, nil
  if place == 1 then
    entries = redis.call('LRANGE', KEYS[1], skip, last)
  else
    entries, step = redis.call('ZRANGE', KEYS[place], skip, last, 'WITHSCORES'), 2
  end
  for i = 1, #entries, step do
    local id, left = entries[i], step == 2 and math.max(0, entries[i + 1] - now) or 0
    local value = redis.call('HGET', KEYS[4], id)
    if value then
      if #reply > 1 and #value > room then reply[1] = at return reply end
      room = room - #value
      local counted = (redis.call('HGET', KEYS[5], id) or 0) - (redis.call('HGET', KEYS[6], id) or 0)
      local state, err = left > 0 and place - 1 or 0, redis.call('HGET', KEYS[7], id) or ''
      for _, item in ipairs({ id, state, left, counted, err, value }) do reply[#reply + 1] = item end
    end
    at, limit = at + 1, limit - 1
  end
  if limit == 0 then break end
  offset = offset - skip
end
if at < sizes[1] + sizes[2] + sizes[3] then reply[1] = at end
return reply
